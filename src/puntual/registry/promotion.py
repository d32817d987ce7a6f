"""Promote a challenger that passes the gate; by force, let the bundle remember what it failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from puntual.errors import RegistryError
from puntual.evaluation.gate import Finding, check, refuse_if_failed
from puntual.registry import Bundle, FailedCheck, Promotion, Registry


@dataclass(frozen=True)
class Promoted:
    """The champion that a promotion left, and how it came to be.

    `version` differs from the one asked for when it was forced past a failed check: the bundle that remembers
    it has other content. `already` says that it was the champion before and nothing was done.
    """

    version: str
    findings: tuple[Finding, ...]
    forced: bool
    pickle_written: bool
    already: bool = False


def promote(
    registry: Registry,
    version: str,
    now: datetime,
    *,
    try_out: Callable[[Bundle], object],
    force: bool = False,
    previous: str | None = None,
    by: str | None = None,
) -> Promoted:
    """Make a version the champion after the numbered checks; `now` carries a time zone, `by` names who asks.

    `try_out` is called with the bundle and raises BundleError for one that does not answer as it should. Raise
    GateRefusedError with the number and reason of each failed check unless `force`, RegistryError when the
    version is unknown or another was deployed meanwhile (since `previous`, where that is given), BundleError when
    it cannot be read or trusted. Repeated after a kill, it puts the champion's estimator in place.
    """
    challenger = registry.read(version)
    try_out(challenger)
    champion = registry.champion()
    if previous is not None and champion not in (previous, challenger.version):
        raise RegistryError(
            f"registry {registry.url}: the champion is {champion} now, expected {previous}: someone deployed "
            "meanwhile; look at it and repeat"
        )
    if challenger.version == champion:
        return Promoted(champion, (), forced=False, pickle_written=registry.deploy_estimator(), already=True)
    findings = check(challenger.manifest.evidence, champion, challenger.version)
    if not force:
        refuse_if_failed(findings, challenger.version)
    failed = [finding for finding in findings if not finding.passed]
    return _deploy(registry, challenger, champion, findings, failed, now, by)


def _deploy(
    registry: Registry,
    challenger: Bundle,
    champion: str | None,
    findings: Sequence[Finding],
    failed: Sequence[Finding],
    now: datetime,
    by: str | None,
) -> Promoted:
    version = _remember(registry, challenger, failed, now) if failed else challenger.version
    numbers = [finding.number for finding in failed]
    deployed = registry.set_champion(
        version, now, previous=champion, forced=bool(failed), failed=numbers, by=by
    )
    return Promoted(version, tuple(findings), bool(failed), deployed.pickle_written)


def _remember(registry: Registry, challenger: Bundle, failed: Sequence[Finding], now: datetime) -> str:
    """Publish the bundle anew with what it was forced past; one that says so already stays as it is."""
    checks = tuple(FailedCheck(number=finding.number, reason=finding.reason) for finding in failed)
    past = challenger.manifest.promotion
    if past is not None and past.failed == checks:
        return challenger.version
    manifest = msgspec.structs.replace(
        challenger.manifest,
        promotion=Promotion(at=now, forced=True, failed=checks),
        parent=challenger.version,
    )
    return registry.publish(replace(challenger, manifest=manifest), registry.estimator(challenger.version))
