"""Bundles, with their estimators and signatures, from one registry to another."""

from collections.abc import Sequence

from puntual.errors import BundleError
from puntual.registry import SUFFIX
from puntual.registry.registry import Registry
from puntual.registry.signing import signature_name
from puntual.storage import Copied, Progress, copy


def chosen(registry: Registry, versions: Sequence[str], *, every: bool = False) -> list[str]:
    """Name the versions to copy: those given by their first digits, every one, or else the champion."""
    if every:
        return registry.names()
    return [registry.resolve(version) for version in versions] or [registry.require_champion().version]


def push(
    registry: Registry, to: Registry, versions: Sequence[str], progress: Progress | None = None
) -> list[Copied]:
    """Copy bundles out of a registry, none of which is sent unless it is whole."""
    for version in versions:
        registry.read(version)
    return _copied(registry, to, versions, progress)


def pull(
    registry: Registry, source: Registry, versions: Sequence[str], progress: Progress | None = None
) -> list[Copied]:
    """Copy bundles into a registry, none of which stays there unless it is whole."""
    copied = _copied(source, registry, versions, progress)
    for version in versions:
        try:
            registry.read(version)
        except BundleError:
            registry.store.remove(version + SUFFIX)
            raise
    return copied


def _copied(
    source: Registry, target: Registry, versions: Sequence[str], progress: Progress | None
) -> list[Copied]:
    present = set(source.store.names() or ())
    copied = []
    for version in versions:
        bundle = version + SUFFIX
        # A bundle comes last, so that one that is there has its estimator and signatures.
        beside = [name for name in (f"{version}.pkl", signature_name(version)) if name in present]
        # Of two files that hold the same version whole, packed otherwise, a pointer may name the one that is there.
        other = target.store.stat(bundle) not in (None, source.store.stat(bundle)) and target.holds(version)
        names = beside[1:] if other else [*beside, bundle]
        copied += copy(source.store, target.store, names, force=True, progress=progress)
    return copied
