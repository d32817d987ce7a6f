"""Releases of a model: the champion of the bucket swapped, tested, or swapped back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.pipeline.errors import DeployError
from deploy.pipeline.smoke_test import SmokeTest
from puntual.errors import PuntualError
from puntual.registry import Deployment, Registry, read_pointer

Report = Callable[[str], object]


@dataclass(frozen=True)
class Swapped:
    """The champion after a release, and the one before it, if there was one."""

    version: str
    previous: str | None


def read_wanted(pointer: Path) -> Deployment:
    """Read the committed pointer; raise DeployError when it is not there or lacks a digest, RegistryError for none."""
    remedy = "commit what `puntual models promote` writes there"
    try:
        wanted = read_pointer(pointer.read_bytes(), str(pointer))
    except OSError as error:
        raise DeployError(f"{pointer}: cannot be read ({error.strerror}); {remedy}") from error
    if wanted.digest is None:
        raise DeployError(f"{pointer}: names {wanted.version} without its digest; {remedy}")
    return wanted


def release(registry: Registry, wanted: Deployment, smoke_test: SmokeTest, report: Report) -> Swapped:
    """Make a bundle that lies in the bucket the champion, and see that it answers.

    Where it does not, the former champion is put back and DeployError is raised. Raise RegistryError when the bundle is
    not there or another is deployed meanwhile, BundleError when it is not the one that was committed.
    """
    registry.read_deployed(wanted)
    previous = registry.champion()
    if previous == wanted.version:
        report(f"{previous} is the champion already; asking for predictions through the load balancer")
        smoke_test.run(previous)
        return Swapped(previous, previous)
    report(
        f"{wanted.version} takes the place of {previous}; asking for predictions through the load balancer"
    )
    registry.set_champion(wanted.version, datetime.now(UTC), previous=previous)
    try:
        smoke_test.run(wanted.version)
    except DeployError as error:
        raise DeployError(f"{error}. {_taken_back(registry, previous, smoke_test, report)}") from error
    return Swapped(wanted.version, previous)


def roll_back(registry: Registry, smoke_test: SmokeTest, report: Report) -> Swapped:
    """Make the former champion the champion again, and see that it answers."""
    deployed = registry.rollback(datetime.now(UTC))
    report(f"{deployed.version} takes the place of {deployed.previous} again")
    smoke_test.run(deployed.version)
    return Swapped(deployed.version, deployed.previous)


def _taken_back(registry: Registry, previous: str | None, smoke_test: SmokeTest, report: Report) -> str:
    if previous is None:
        return "There was no champion before to put back; promote one that answers"
    report(f"it failed; putting {previous} back")
    try:
        registry.rollback(datetime.now(UTC))
        smoke_test.run(previous)
    except PuntualError as error:
        return f"Putting {previous} back failed too: {error}"
    return f"Rolled back: {previous} answers as before"
