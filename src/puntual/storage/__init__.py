"""Whole files under one URL: a folder or a bucket."""

from pathlib import Path

from puntual.errors import StorageError
from puntual.storage.base import FileStat, Store
from puntual.storage.copy import Copied, Progress, copy
from puntual.storage.local import Folder
from puntual.storage.s3 import Bucket

__all__ = [
    "Copied",
    "FileStat",
    "Progress",
    "Store",
    "copy",
    "is_url",
    "open_store",
    "read_url",
    "require_writable",
]

_PROBE = ".writable"


def open_store(url: str | Path) -> Store:
    """Give the files under a URL, which is not used yet; raise StorageError for one that cannot be."""
    text = str(url)
    if text.startswith("s3://"):
        return Bucket(text)
    if is_url(text) and not text.startswith("file://"):
        raise StorageError(
            f"{text!r}: {text.partition('://')[0]}:// is not supported; give a folder, file:///folder or "
            "s3://bucket/prefix"
        )
    return Folder(text)


def require_writable(url: str | Path) -> None:
    """Prove that a megabyte can be written under a URL, and leave nothing; raise StorageError where it cannot.

    A folder that is missing is made.
    """
    store = open_store(url)
    store.write(_PROBE, bytes(2**20))
    store.remove(_PROBE)


def is_url(place: object) -> bool:
    """Tell a URL from the path of a file."""
    return isinstance(place, str) and "://" in place


def read_url(url: str, largest: int) -> bytes | None:
    """Read the file at a URL, of at most `largest` bytes, or None where there is none."""
    folder, _, name = url.rpartition("/")
    return open_store(folder).read(name, largest)
