"""Files from one store to another: what is there whole is skipped, and what differs is not written over unasked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from puntual.errors import RegistryError
from puntual.storage.base import Found, Store

# Told of a file's name, the bytes of it that have arrived and those in all.
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

    Repeated after it broke off, it goes on with what is missing. Raise RegistryError for a file that the source
    lacks, for one that would take the place of another unless `force`, and for one that arrives altered.
    """
    told = progress or (lambda *_: None)
    return [_copy(source, target, name, force, told) for name in names]


def _copy(source: Store, target: Store, name: str, force: bool, told: Progress) -> Copied:
    wanted = source.found(name)
    if wanted is None:
        raise RegistryError(f"{source.where(name)}: no such file; name one that {source.url} holds")
    there = target.found(name)
    if there == wanted:
        told(name, wanted.size, wanted.size)
        return Copied(name, wanted.size, wanted.digest, sent=False)
    if there is not None and not force:
        raise _differs(source, target, name, wanted, there)
    target.receive(
        name,
        wanted,
        lambda start: iter(source.rest(name, start)),
        lambda done: told(name, done, wanted.size),
        new=there is None,
    )
    return Copied(name, wanted.size, wanted.digest, sent=True)


def _differs(source: Store, target: Store, name: str, wanted: Found, there: Found) -> RegistryError:
    return RegistryError(
        f"{target.where(name)}: holds another file ({there.size:,} bytes, sha256 {there.digest[:12]}…) than "
        f"{source.where(name)} ({wanted.size:,} bytes, sha256 {wanted.digest[:12]}…); rename one of them, or "
        "give --force to write over it"
    )
