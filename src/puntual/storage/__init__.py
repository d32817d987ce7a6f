"""Whole files under one URL: a folder, a bucket, or whatever else fsspec knows."""

from pathlib import Path

from puntual.storage.base import Found, Store
from puntual.storage.copy import Copied, Progress, copy
from puntual.storage.elsewhere import Elsewhere
from puntual.storage.local import Folder
from puntual.storage.s3 import Bucket

__all__ = ["Copied", "Found", "Progress", "Store", "copy", "is_url", "open_store", "read_url"]


def open_store(url: str | Path) -> Store:
    """Give the files under a URL; nothing is asked of it yet. Raise RegistryError for a URL that cannot be one."""
    text = str(url)
    if text.startswith("s3://"):
        return Bucket(text)
    if is_url(text) and not text.startswith("file://"):
        return Elsewhere(text)
    return Folder(text)


def is_url(place: object) -> bool:
    """Tell a URL from the path of a file."""
    return isinstance(place, str) and "://" in place


def read_url(url: str) -> bytes | None:
    """Read the file at a URL, or None where there is none."""
    folder, _, name = url.rpartition("/")
    return open_store(folder).read(name)
