"""What can be asked of files under one URL, wherever they lie."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

# Gives the rest of a file from a byte on.
Rest = Callable[[int], Iterator[bytes]]
# Told of the bytes that have arrived so far.
Arrived = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there: its bytes, counted, and their SHA-256 in hexadecimal."""

    size: int
    digest: str


class Store(Protocol):
    """Files by name: each is read as it was written, or not at all, whoever is killed meanwhile.

    Every method raises RegistryError, with value, expectation and remedy, where its URL cannot be used.
    """

    url: str

    def where(self, name: str) -> str:
        """Tell a person where a file is."""

    def read(self, name: str) -> bytes | None:
        """Read a file as it is now, or None where there is none."""

    def names(self, folder: str = "") -> list[str] | None:
        """List the files of a folder, sorted, or None where there is no such folder."""

    def found(self, name: str) -> Found | None:
        """Measure a file, or None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole in place of the one that may be there."""

    def create(self, name: str, content: bytes) -> None:
        """Write a new file whole; raise RegistryError when there is one of that name."""

    def swap(self, name: str, seen: bytes | None, content: bytes) -> bool:
        """Write a file if it still holds what was seen, None for no file; tell whether it did."""

    def remove(self, name: str) -> None:
        """Remove a file that may be there."""

    def locked(self) -> AbstractContextManager[None]:
        """Let one process at a time go on, where there are locks; elsewhere `swap` alone keeps two apart."""

    def rest(self, name: str, start: int = 0) -> Iterable[bytes]:
        """Give the bytes of a file from one on, in pieces."""

    def receive(self, name: str, expected: Found, rest: Rest, arrived: Arrived, *, new: bool) -> None:
        """Take a file in from elsewhere, going on where an earlier attempt broke off.

        Raise RegistryError unless what arrived is what was expected, or when a file is to be `new` and is there.
        """
