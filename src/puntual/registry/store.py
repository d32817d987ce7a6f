"""Whole files under one URL: each is read as it was written, or not at all, whoever is killed meanwhile."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from puntual.errors import BadRegistry

REMEDIES = {
    "FileNotFoundError": "create it, or name a registry that exists",
    "PermissionError": "grant this user access to it, or name another registry",
    "FileExistsError": "something is in its place: look again and repeat",
    "NotADirectoryError": "name a folder, not a file",
}


class Store:
    """Files by name in a folder (`models/`) or under any URL that fsspec knows (`s3://bucket/prefix`)."""

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        self._files, self._root = _open(self.url)
        self._local = isinstance(self._files, LocalFileSystem)

    def read(self, name: str) -> bytes | None:
        """Read a file, or None where there is none."""
        with _told(self.where(name)):
            try:
                return bytes(self._files.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def names(self, folder: str = "") -> list[str] | None:
        """List the files of a folder, sorted, or None where there is no such folder."""
        with _told(self.where(folder)):
            # Another process may have added files since the listing was last cached.
            self._files.invalidate_cache()
            try:
                found = self._files.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return None
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole in place of the one that may be there."""
        with _told(self.where(name)):
            if self._local:
                self._write_local(name, content, os.replace)
            else:
                self._files.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> None:
        """Write a new file whole; raise BadRegistry when there is one of that name."""
        with _told(self.where(name)):
            if self._local:
                self._write_local(name, content, os.link)
            else:
                self._files.pipe_file(self._path(name), content, mode="create")

    def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        with _told(self.where(name)):
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time change a folder; the lock of a killed one is let go by the system.

        An object store has no locks: there the exclusive creation of a record is what keeps two apart.
        """
        if not self._local:
            yield
            return
        with ExitStack() as held:
            with _told(self.where(".lock")):
                handle = held.enter_context(Path(self._path(".lock")).open("ab"))
                _wait_for(handle.fileno())
            yield

    def where(self, name: str) -> str:
        """Tell a person where a file is."""
        return f"{self.url.rstrip('/')}/{name}".rstrip("/")

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    def _write_local(self, name: str, content: bytes, place: Any) -> None:
        path = Path(self._path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            _write_through(draft, content)
            place(draft, path)
            _flush_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def _open(url: str) -> tuple[Any, str]:
    try:
        files, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise BadRegistry(
            f"registry {url!r}: {error}; give a folder, or install what its protocol needs"
        ) from error
    return files, root.rstrip("/")


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _wait_for(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(type(error).__name__, "free some space, or name another registry")
        raise BadRegistry(f"{where}: {error.strerror or error}; {remedy}") from error
