"""Files in a folder: written beside their place and put into it at once."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Any

from puntual.storage.base import Arrived, Found, Rest
from puntual.storage.errors import refuse_other, telling

_PIECE = 2**20


class Folder:
    """A Store in a folder, whose lock the system lets go of when its holder is killed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._root = Path(url.removeprefix("file://"))

    def where(self, name: str) -> str:
        """Tell a person where a file is."""
        return f"{self.url.rstrip('/')}/{name}".rstrip("/")

    def read(self, name: str) -> bytes | None:
        """Read a file as it is now, or None where there is none."""
        with telling(self.where(name)):
            try:
                return (self._root / name).read_bytes()
            except FileNotFoundError:
                return None

    def names(self, folder: str = "") -> list[str] | None:
        """List the files of a folder, sorted, or None where there is no such folder."""
        with telling(self.where(folder)):
            try:
                return sorted(path.name for path in (self._root / folder).iterdir())
            except FileNotFoundError:
                return None

    def found(self, name: str) -> Found | None:
        """Measure a file, or None where there is none."""
        with telling(self.where(name)):
            try:
                with (self._root / name).open("rb") as file:
                    return Found(os.fstat(file.fileno()).st_size, file_digest(file, "sha256").hexdigest())
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole in place of the one that may be there."""
        self._write(name, content, os.replace)

    def create(self, name: str, content: bytes) -> None:
        """Write a new file whole; raise RegistryError when there is one of that name."""
        self._write(name, content, os.link)

    def swap(self, name: str, seen: bytes | None, content: bytes) -> bool:
        """Write a file if it still holds what was seen; say it while `locked`."""
        if self.read(name) != seen:
            return False
        self.write(name, content)
        return True

    def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        with telling(self.where(name)):
            (self._root / name).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time change the folder; the lock of a killed one is let go by the system."""
        with ExitStack() as held:
            with telling(self.where(".lock")):
                handle = held.enter_context((self._root / ".lock").open("ab"))
                _wait_for(handle.fileno())
            yield

    def rest(self, name: str, start: int = 0) -> Iterator[bytes]:
        """Give the bytes of a file from one on, in pieces."""
        with telling(self.where(name)), (self._root / name).open("rb") as file:
            file.seek(start)
            while piece := file.read(_PIECE):
                yield piece

    def receive(self, name: str, expected: Found, rest: Rest, arrived: Arrived, *, new: bool) -> None:
        """Take a file in from elsewhere, going on with the draft that an earlier attempt left."""
        path = self._root / name
        # Named by what it will be, so that the beginning of another file is never gone on with.
        draft = path.with_name(f".{path.name}.{expected.digest[:16]}.part")
        with telling(self.where(name)):
            draft.parent.mkdir(parents=True, exist_ok=True)
            _complete(draft, expected.size, rest, arrived)
            with draft.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            try:
                refuse_other(self.where(name), expected, Found(draft.stat().st_size, digest))
                (os.link if new else os.replace)(draft, path)
            finally:
                draft.unlink(missing_ok=True)
            _flush_folder(path.parent)

    def _write(self, name: str, content: bytes, place: Callable[[Path, Path], Any]) -> None:
        path = self._root / name
        draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
        with telling(self.where(name)):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write_through(draft, content)
                place(draft, path)
                _flush_folder(path.parent)
            finally:
                draft.unlink(missing_ok=True)


def _complete(draft: Path, size: int, rest: Rest, arrived: Arrived) -> None:
    with draft.open("ab") as file:
        done = file.tell()
        arrived(done)
        if done < size:
            for piece in rest(done):
                file.write(piece)
                done += len(piece)
                arrived(done)
        file.flush()
        os.fsync(file.fileno())


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
