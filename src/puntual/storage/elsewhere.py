"""Files under any other URL that fsspec knows, such as memory:// or gs://, as good as its protocol keeps them."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from typing import Any

from puntual.errors import RegistryError
from puntual.storage.base import Arrived, Found, Rest
from puntual.storage.errors import refuse_other, telling


class Elsewhere:
    """A Store whose swap compares and then writes: nothing keeps two writers apart in between."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._files, self._root = _open(url)

    def where(self, name: str) -> str:
        """Tell a person where a file is."""
        return f"{self.url.rstrip('/')}/{name}".rstrip("/")

    def read(self, name: str) -> bytes | None:
        """Read a file as it is now, or None where there is none."""
        with self._told(name):
            try:
                return bytes(self._files.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def names(self, folder: str = "") -> list[str] | None:
        """List the files of a folder, sorted, or None where there is no such folder."""
        with self._told(folder):
            # Another process may have added files since the listing was last cached.
            self._files.invalidate_cache()
            try:
                found = self._files.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return None
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def found(self, name: str) -> Found | None:
        """Measure a file, or None where there is none."""
        content = self.read(name)
        return None if content is None else Found(len(content), sha256(content).hexdigest())

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole in place of the one that may be there."""
        with self._told(name):
            self._files.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> None:
        """Write a new file whole; raise RegistryError when there is one of that name."""
        with self._told(name):
            self._files.pipe_file(self._path(name), content, mode="create")

    def swap(self, name: str, seen: bytes | None, content: bytes) -> bool:
        """Write a file if it still holds what was seen; tell whether it did."""
        if self.read(name) != seen:
            return False
        self.write(name, content)
        return True

    def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        with self._told(name):
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def locked(self) -> nullcontext[None]:
        """Go on at once: there are no locks."""
        return nullcontext()

    def rest(self, name: str, start: int = 0) -> Iterator[bytes]:
        """Give the bytes of a file from one on."""
        yield (self.read(name) or b"")[start:]

    def receive(self, name: str, expected: Found, rest: Rest, arrived: Arrived, *, new: bool) -> None:
        """Take a file in from elsewhere, whole."""
        content = b"".join(rest(0))
        refuse_other(self.where(name), expected, Found(len(content), sha256(content).hexdigest()))
        (self.create if new else self.write)(name, content)
        arrived(len(content))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        with telling(self.where(name)):
            yield


def _open(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        files, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise RegistryError(f"{url!r}: {error}; give a folder, or install what its protocol needs") from error
    return files, root.rstrip("/")
