"""Files from one store to another: what is there whole is skipped, and what differs is kept unless forced."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from puntual.errors import StorageError
from puntual.storage.base import FileStat, Store

# Called with a file's name, the bytes of it that have arrived and those in all.
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class Copied:
    """A file that both sides hold now, and whether it had to be sent."""

    name: str
    size: int
    digest: str
    sent: bool


def copy(
    source: Store,
    target: Store,
    names: Iterable[str],
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Copied]:
    """Copy files by name, each held to its SHA-256, and give what became of each.

    Repeated after it broke off, it goes on with the files that are missing. Raise StorageError for a file that the
    source lacks, for one that would take the place of another unless `force`, and for one that arrives altered.
    """
    on_progress = progress or (lambda *_: None)
    return [_copy(source, target, name, force, on_progress) for name in names]


def _copy(source: Store, target: Store, name: str, force: bool, progress: Progress) -> Copied:
    wanted = source.stat(name)
    if wanted is None:
        raise StorageError(f"{source.where(name)}: no such file; name one that {source.url} holds")
    present = target.stat(name)
    if present == wanted:
        progress(name, wanted.size, wanted.size)
        return Copied(name, wanted.size, wanted.digest, sent=False)
    if present is not None and not force:
        raise _differs(source, target, name, wanted, present)
    target.receive(
        name,
        wanted,
        source.pieces(name),
        lambda done: progress(name, done, wanted.size),
        new=present is None,
    )
    return Copied(name, wanted.size, wanted.digest, sent=True)


def _differs(source: Store, target: Store, name: str, wanted: FileStat, present: FileStat) -> StorageError:
    return StorageError(
        f"{target.where(name)}: holds another file ({present.size:,} bytes, sha256 {present.digest[:12]}…) than "
        f"{source.where(name)} ({wanted.size:,} bytes, sha256 {wanted.digest[:12]}…); rename one of them, or "
        "give --force to write over it"
    )
