"""What went wrong with a file, as a person is told it."""

from collections.abc import Iterator
from contextlib import contextmanager

from puntual.errors import RegistryError
from puntual.storage.base import Found

REMEDIES = {
    "FileNotFoundError": "create it, or name one that exists",
    "PermissionError": "grant this user access to it, or name another",
    "FileExistsError": "something is in its place: look again and repeat",
    "NotADirectoryError": "name a folder, not a file",
    "IsADirectoryError": "name a file, not a folder",
}


@contextmanager
def telling(where: str) -> Iterator[None]:
    """Turn an error of the system into RegistryError that says where, why and what to do."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(type(error).__name__, "free some space, or name another place")
        raise RegistryError(f"{where}: {error.strerror or error}; {remedy}") from error


def refuse_other(where: str, expected: Found, found: Found) -> None:
    """Raise RegistryError unless what arrived is what was sent."""
    if found != expected:
        raise RegistryError(
            f"{where}: {found.size:,} bytes with sha256 {found.digest} arrived, expected {expected.size:,} with "
            f"{expected.digest}; nothing was put in place: repeat it"
        )
