"""What a store of files under one URL does, wherever they lie."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

# Bytes of what is read whole; of a pointer, a record or a signature, of which none is larger.
LARGEST_FILE, LARGEST_NOTE = 2**30, 2**20
# Called with the bytes that have arrived so far.
OnProgress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class FileStat:
    """A file that is there: its bytes, counted, and their SHA-256 in hexadecimal."""

    size: int
    digest: str

    @classmethod
    def of(cls, content: bytes) -> "FileStat":
        """Measure the content of a file."""
        return cls(len(content), sha256(content).hexdigest())


class Store(Protocol):
    """Files by name: each is read as it was written, or not at all, whoever is killed meanwhile.

    Every method raises StorageError, with value, expectation and remedy, where its URL cannot be used.
    """

    url: str

    def where(self, name: str) -> str:
        """Name the place of a file, for a person."""

    def read(self, name: str, largest: int = LARGEST_FILE) -> bytes | None:
        """Read a file as it is now, or None where there is none.

        Raise OversizedFileError for one of more than `largest` bytes, of which no more than that is read.
        """

    def names(self, folder: str = "") -> list[str] | None:
        """List the files of a folder, sorted, or None where there is no such folder."""

    def walk(self, folder: str = "") -> list[str]:
        """List the files of a folder and of all folders in it, sorted, by their names from the URL on."""

    def stat(self, name: str) -> FileStat | None:
        """Measure a file, or None where there is none."""

    def stamp(self, name: str) -> str | None:
        """Give a mark of a file that changes with its content, found without reading it; None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole in place of the one that may be there."""

    def create(self, name: str, content: bytes) -> None:
        """Write a new file whole; raise StorageError when there is one of that name."""

    def swap(self, name: str, seen: bytes | None, content: bytes) -> bool:
        """Write a file if it still holds what was seen, None for no file; tell whether it did."""

    def remove(self, name: str) -> None:
        """Remove a file that may be there."""

    def is_writable(self) -> bool:
        """Tell whether files may be written here, as far as that is known without writing one."""

    def locked(self) -> AbstractContextManager[None]:
        """Let one process at a time go on, where there are locks; elsewhere `swap` alone keeps two apart."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """Give the bytes of a file in pieces; raise StorageError where there is none."""

    def receive(
        self, name: str, expected: FileStat, pieces: Iterable[bytes], on_progress: OnProgress, *, new: bool
    ) -> None:
        """Take a file in from another store.

        Raise StorageError unless what arrived is what was expected, or when a file is to be `new` and is there.
        """
