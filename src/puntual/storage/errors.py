"""What went wrong with a file, as an error that says where, why and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from puntual.errors import StorageError
from puntual.storage.base import FileStat

_REMEDIES = {
    "FileNotFoundError": "create it, or name one that exists",
    "PermissionError": "grant this user access to it, or name another",
    "FileExistsError": "something is in its place: look again and repeat",
    "NotADirectoryError": "name a folder, not a file",
    "IsADirectoryError": "name a file, not a folder",
}


@contextmanager
def translate_os_errors(place: str) -> Iterator[None]:
    """Turn an error of the system into StorageError."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(type(error).__name__, "free some space, or name another place")
        raise StorageError(f"{place}: {reason_of(error)}; {remedy}") from error


def reason_of(error: OSError) -> str:
    """Give the system's reason; a library that raises OSError itself puts it elsewhere than in `strerror`.

    >>> reason_of(OSError(28, "No space left on device")), reason_of(OSError("disk full")), reason_of(OSError())
    ('No space left on device', 'disk full', 'OSError')
    """
    return error.strerror or str(error) or type(error).__name__


def require_same(place: str, expected: FileStat, arrived: FileStat) -> None:
    """Raise StorageError unless what arrived is what was sent."""
    if arrived != expected:
        raise StorageError(
            f"{place}: {arrived.size:,} bytes with sha256 {arrived.digest} arrived, expected {expected.size:,} with "
            f"{expected.digest}; nothing was put in place: repeat it"
        )
