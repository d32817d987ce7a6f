"""What went wrong with a file, as an error that says where, why and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from puntual.errors import OversizedFileError, StorageError, describe_os_error
from puntual.storage.base import FileStat


@contextmanager
def translate_os_errors(place: str) -> Iterator[None]:
    """Turn an error of the system into StorageError."""
    try:
        yield
    except FileExistsError as error:
        raise StorageError(f"{place}: something is in its place: look again and repeat") from error
    except OSError as error:
        raise StorageError(describe_os_error(error, place)) from error


def oversized(place: str, size: int, largest: int) -> OversizedFileError:
    """Describe a file that is too large to be what it should be."""
    return OversizedFileError(
        f"{place}: it has {size:,} bytes or more; expected at most {largest:,}; put the right file in its place"
    )


def require_same(place: str, expected: FileStat, arrived: FileStat) -> None:
    """Raise StorageError unless what arrived is what was sent."""
    if arrived != expected:
        raise StorageError(
            f"{place}: {arrived.size:,} bytes with sha256 {arrived.digest} arrived, expected {expected.size:,} with "
            f"{expected.digest}; nothing was put in place: repeat it"
        )
