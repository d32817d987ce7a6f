"""The bytes of a file a person named, or one clear error."""

import hashlib
from pathlib import Path, PurePosixPath

from puntual.errors import OversizedFileError, StorageError, TableError
from puntual.sources.limits import LARGEST_TABLE
from puntual.storage import Store, read_url
from puntual.storage.local import read_within

# A file's path, or the URL (a text) of a file in a bucket.
Place = Path | str


def read_bytes(place: Place, remedy: str = "check the path", store: Store | None = None) -> bytes:
    """Read a whole file, from the `store` it was listed in; TableError when it is absent, unreadable or empty."""
    data = _read(place, remedy, store)
    if data is None:
        raise TableError(f"{place}: no such file; expected a table of flights; {remedy}")
    if not data.strip():
        raise TableError(
            f"{place}: the file is empty; expected a header and flights; fetch or export it again"
        )
    return data


def suffix_of(place: Place) -> str:
    """Give the ending of a file's name, in lower case."""
    return PurePosixPath(str(place)).suffix.lower()


def beside(place: Place, name: str) -> bytes:
    """Read the file `name` in the folder of another one, or nothing where there is none."""
    if isinstance(place, str):
        return _read(f"{place.rpartition('/')[0]}/{name}", "check the URL") or b""
    path = place.with_name(name)
    return read_bytes(path) if path.is_file() else b""


def _read(place: Place, remedy: str, store: Store | None = None) -> bytes | None:
    try:
        if isinstance(place, Path):
            return read_within(place, LARGEST_TABLE)
        if store is not None:
            return store.read(place.removeprefix(f"{store.url.rstrip('/')}/"), LARGEST_TABLE)
        return read_url(place, LARGEST_TABLE)
    except OversizedFileError as failure:
        raise TableError(
            f"{failure}; keep the columns and years that you need, or cut it in parts"
        ) from failure
    except StorageError as failure:
        raise TableError(f"{failure}; expected a table of flights") from failure
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise TableError(f"{place}: it is a folder; expected a file; {remedy}") from None
    except (OSError, ValueError) as failure:
        raise TableError(
            f"{place}: it cannot be opened ({failure}); expected a readable file; {remedy}"
        ) from failure


def digest_of(*files: bytes) -> str:
    """Give the SHA-256, in hexadecimal, of the bytes of one or several files after one another."""
    total = hashlib.sha256()
    for data in files:
        total.update(data)
    return total.hexdigest()
