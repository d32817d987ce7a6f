"""Files in a folder, each written whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import file_digest, sha256
from pathlib import Path

from puntual.storage.atomic_write import atomic_write
from puntual.storage.base import LARGEST_FILE, FileStat, OnProgress
from puntual.storage.file_lock import file_lock
from puntual.storage.names import require_within
from puntual.storage.os_errors import oversized, require_same, translate_os_errors

_PIECE = 2**20


def read_within(path: Path, largest: int) -> bytes:
    """Read a file; raise OversizedFileError for one of more than `largest` bytes, whatever it says of its size."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1) if size <= largest else b""
        pieces, total = [content], len(content)
        # One that grows, or a device, which tells no size.
        while size < total <= largest and (piece := file.read(_PIECE)):
            pieces.append(piece)
            total += len(piece)
    if max(size, total) > largest:
        raise oversized(str(path), max(size, total), largest)
    return b"".join(pieces) if len(pieces) > 1 else content


class Folder:
    """A Store in a folder, whose lock the system lets go of when its holder is killed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._root = Path(url.removeprefix("file://"))

    def where(self, name: str) -> str:
        """Name the place of a file, for a person."""
        return f"{self.url.rstrip('/')}/{name}".rstrip("/")

    def read(self, name: str, largest: int = LARGEST_FILE) -> bytes | None:
        """Read a file of at most `largest` bytes as it is now, or None where there is none."""
        with translate_os_errors(self.where(name)):
            try:
                return read_within(self._path(name), largest)
            except FileNotFoundError:
                return None

    def names(self, folder: str = "") -> list[str] | None:
        """List the files of a folder, sorted, or None where there is no such folder."""
        with translate_os_errors(self.where(folder)):
            try:
                return sorted(path.name for path in self._path(folder).iterdir())
            except FileNotFoundError:
                return None

    def walk(self, folder: str = "") -> list[str]:
        """List the files of a folder and of all folders in it, sorted."""
        with translate_os_errors(self.where(folder)):
            files = (path for path in self._path(folder).rglob("*") if path.is_file())
            return sorted(path.relative_to(self._root).as_posix() for path in files)

    def stat(self, name: str) -> FileStat | None:
        """Measure a file, or None where there is none."""
        with translate_os_errors(self.where(name)):
            try:
                with self._path(name).open("rb") as file:
                    return FileStat(os.fstat(file.fileno()).st_size, file_digest(file, "sha256").hexdigest())
            except FileNotFoundError:
                return None

    def stamp(self, name: str) -> str | None:
        """Give the size of a file and the moment at which it was last written, None where there is none."""
        with translate_os_errors(self.where(name)):
            try:
                known = self._path(name).stat()
            except FileNotFoundError:
                return None
        return f"{known.st_size}-{known.st_mtime_ns}"

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole in place of the one that may be there."""
        self._write(name, content, replace=True)

    def create(self, name: str, content: bytes) -> None:
        """Write a new file whole; raise StorageError when there is one of that name."""
        self._write(name, content, replace=False)

    def swap(self, name: str, seen: bytes | None, content: bytes) -> bool:
        """Write a file if it still holds what was seen; call it while `locked`."""
        if self.read(name) != seen:
            return False
        self.write(name, content)
        return True

    def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        with translate_os_errors(self.where(name)):
            self._path(name).unlink(missing_ok=True)

    def is_writable(self) -> bool:
        """Tell whether the folder may be written to; one on a read-only file system may not, whoever asks."""
        return os.access(self._root, os.W_OK)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time change the folder; the lock of a killed one is let go by the system."""
        with ExitStack() as held:
            with translate_os_errors(self.where(".lock")):
                held.enter_context(file_lock(self._root / ".lock"))
            yield

    def pieces(self, name: str) -> Iterator[bytes]:
        """Give the bytes of a file in pieces; raise StorageError where there is none."""
        with translate_os_errors(self.where(name)), self._path(name).open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    def receive(
        self, name: str, expected: FileStat, pieces: Iterable[bytes], on_progress: OnProgress, *, new: bool
    ) -> None:
        """Take a file in from another store."""
        path, total, size = self._path(name), sha256(), 0
        with translate_os_errors(self.where(name)):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, replace=not new) as file:
                for piece in pieces:
                    file.write(piece)
                    total.update(piece)
                    size += len(piece)
                    if size > expected.size:
                        # What never ends would fill the disk.
                        break
                    on_progress(size)
                require_same(self.where(name), expected, FileStat(size, total.hexdigest()))

    def _write(self, name: str, content: bytes, *, replace: bool) -> None:
        path = self._path(name)
        with translate_os_errors(self.where(name)):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, replace=replace) as file:
                file.write(content)

    def _path(self, name: str) -> Path:
        return self._root / require_within(self.url, name) if name else self._root
