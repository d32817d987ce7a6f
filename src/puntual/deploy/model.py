"""Releases of a model: the champion of the bucket swapped, proved, or swapped back."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from puntual.bundle import SUFFIX
from puntual.errors import DeployFailed, PuntualError
from puntual.registry import Registry, succession
from puntual.registry.store import Store

_POINTER = re.compile(r"(?P<version>[0-9a-f]{16}) sha256:(?P<digest>[0-9a-f]{64})\s*")


@dataclass(frozen=True)
class Wanted:
    """The bundle that a commit wants deployed: its version, and the SHA-256 of its file."""

    version: str
    digest: str


@dataclass(frozen=True)
class Swapped:
    """The champion after a release, and the one before it, if there was one."""

    version: str
    previous: str | None


def read_wanted(pointer: Path) -> Wanted:
    """Read the committed pointer; raise DeployFailed when it names no version and digest."""
    try:
        text = pointer.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DeployFailed(
            f"{pointer}: cannot be read ({error.strerror}); commit what `puntual promote` writes there"
        ) from error
    found = _POINTER.fullmatch(text)
    if found is None:
        raise DeployFailed(
            f"{pointer}: holds {text[:80]!r}, expected '<version> sha256:<digest>'; "
            "commit what `puntual promote` writes there"
        )
    return Wanted(**found.groupdict())


def release(
    url: str, wanted: Wanted, prove: Callable[[str], object], tell: Callable[[str], object]
) -> Swapped:
    """Make a bundle that lies in the bucket the champion, and prove that it answers.

    Where it does not, the former champion is put back and DeployFailed is raised. Raise BadRegistry when another is
    deployed meanwhile.
    """
    registry = Registry(url)
    _check_whole(url, wanted)
    previous = registry.champion()
    if previous == wanted.version:
        tell(f"{previous} is the champion already; asking for predictions through the load balancer")
        prove(previous)
        return Swapped(previous, previous)
    tell(f"{wanted.version} takes the place of {previous}; asking for predictions through the load balancer")
    registry.set_champion(wanted.version, datetime.now(UTC), previous=previous)
    try:
        prove(wanted.version)
    except DeployFailed as error:
        raise DeployFailed(f"{error}. {_taken_back(registry, previous, prove, tell)}") from error
    return Swapped(wanted.version, previous)


def roll_back(url: str, prove: Callable[[str], object], tell: Callable[[str], object]) -> Swapped:
    """Make the former champion the champion again, and prove that it answers."""
    deployed = Registry(url).rollback(datetime.now(UTC))
    tell(f"{deployed.version} takes the place of {deployed.previous} again")
    prove(deployed.version)
    return Swapped(deployed.version, deployed.previous)


def champions(url: str) -> set[str]:
    """Give the versions that have been champion, roll-backs apart."""
    return {record.version for record in succession.records(Store(url))}


def _check_whole(url: str, wanted: Wanted) -> None:
    store = Store(url)
    name = wanted.version + SUFFIX
    content = store.read(name)
    if content is None:
        raise DeployFailed(
            f"{store.where(name)}: not there; push it first: puntual models push {wanted.version} --to {url}"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != wanted.digest:
        raise DeployFailed(
            f"{store.where(name)}: sha256 {found[:12]}…, the commit names {wanted.digest[:12]}…; "
            "push the bundle again, or promote and commit the one that is there"
        )


def _taken_back(
    registry: Registry,
    previous: str | None,
    prove: Callable[[str], object],
    tell: Callable[[str], object],
) -> str:
    if previous is None:
        return "There was no champion before to put back; promote one that answers"
    tell(f"it failed; putting {previous} back")
    try:
        registry.rollback(datetime.now(UTC))
        prove(previous)
    except PuntualError as error:
        return f"Putting {previous} back failed too: {error}"
    return f"Rolled back: {previous} answers as before"
