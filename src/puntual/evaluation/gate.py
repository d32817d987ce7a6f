"""Numbered checks that a challenger must pass before it may be deployed.

Each check reads the evidence that training measured and stored in the bundle; its number never changes its
meaning.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.errors import GateRefusedError, NotEnoughFlightsError
from puntual.evaluation import Evaluation, GroupScores, Measure, roc_auc

MOST_CALIBRATION_ERROR = 0.05
GOLDEN_AUC = 0.80
MOST_GROUP_SHORTFALL = 0.15
GROUP_FLIGHTS = 200
GROUP_LATE_FLIGHTS = 30

FEATURE_BINS = 20
FEATURE_ROWS = 50_000
# A bin of few flights says little: its late rate is drawn to that of all, as if 20 more flights had it.
PRIOR_FLIGHTS = 20.0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What training measured of a challenger on flights that it had not learnt from.

    `test` are its scores on the test flights, with groups. It learnt from flights before `train_until`; the test
    starts at `test_from` (local times). Both differences are of log loss on the same test flights, its own less
    that of training's band frequencies or of the champion (None where there was none). `feature_auc` says how well
    each feature alone ranks late flights, `data_digest` names the table.
    """

    test: Evaluation
    train_until: datetime
    test_from: datetime
    baseline_difference: Measure
    champion_version: str | None = None
    champion_difference: Measure | None = None
    feature_auc: dict[str, float]
    data_digest: str | None


class Finding(msgspec.Struct, frozen=True):
    """The result of one check: value, expectation and, where it failed, the remedy are in the reason."""

    number: int
    name: str
    passed: bool
    reason: str


# Whether the check passed, and why.
Verdict = tuple[bool, str]


def check(evidence: Evidence, champion: str | None, challenger: str | None = None) -> list[Finding]:
    """Run every check, in order, against the champion that is deployed now.

    `challenger` is the version of the bundle that the evidence belongs to; one that is deployed already is
    not compared with itself.
    """
    rival = None if champion == challenger else champion
    return [
        Finding(number, name, *verdict(evidence, rival)) for number, (name, verdict) in sorted(CHECKS.items())
    ]


def refuse_if_failed(findings: Sequence[Finding], version: str) -> None:
    """Raise GateRefusedError with the number and reason of every failed check."""
    failed = [finding for finding in findings if not finding.passed]
    if failed:
        lines = [f"  check {finding.number}, {finding.name}: {finding.reason}" for finding in failed]
        heading = f"{version} failed {len(failed)} of {len(findings)} checks and was not promoted:"
        raise GateRefusedError("\n".join([heading, *lines]))


def feature_auc(
    train: NDArray[np.floating],
    train_late: NDArray[np.bool_],
    valid: NDArray[np.floating],
    valid_late: NDArray[np.bool_],
    names: Sequence[str],
) -> dict[str, float]:
    """Measure how well each feature alone ranks the late flights of the validation set.

    Matrices are (flights, features), NaN where unknown; at most 50,000 evenly spaced rows of each are used. A
    feature is cut into at most 20 bins of equal mass on the training rows, with one more for unknown, and
    every bin is scored by its late rate in training, so that a feature need not be monotone to be found out.
    """
    seen, asked = _spread(len(train)), _spread(len(valid))
    if not 0 < valid_late[asked].sum() < len(asked):
        raise NotEnoughFlightsError(
            f"{int(valid_late[asked].sum())} of {len(asked)} validation flights are late; "
            "ranking them needs late and punctual ones: validate on a longer period"
        )
    columns = zip(train[seen].T, valid[asked].T, names, strict=True)
    return {name: _binned_auc(x, train_late[seen], z, valid_late[asked]) for x, z, name in columns}


def _baseline_not_beaten(evidence: Evidence, _champion: str | None) -> Verdict:
    difference = evidence.baseline_difference
    said = f"log loss is {_signed(difference)} against training's band frequencies, expected below 0"
    return _verdict(difference.high < 0, said, "train on more flights or with more features")


def _worse_than_champion(evidence: Evidence, champion: str | None) -> Verdict:
    if champion is None:
        return True, "no other champion is deployed, so there is nothing to be worse than"
    difference = evidence.champion_difference
    if evidence.champion_version != champion or difference is None:
        against = evidence.champion_version or "none"
        said = f"compared with {against}, expected the champion {champion} that is deployed"
        return False, f"not compared with the champion: {said}; retrain or give --data"
    said = f"log loss is {_signed(difference)} against champion {champion}, expected not to be above 0"
    return _verdict(difference.low <= 0, said, "keep the champion, or train on newer flights")


def _calibration_off(evidence: Evidence, _champion: str | None) -> Verdict:
    error = evidence.test.ece
    said = f"expected calibration error is {_plain(error)}, expected at most {MOST_CALIBRATION_ERROR}"
    return _verdict(error.low <= MOST_CALIBRATION_ERROR, said, "calibrate on flights nearer to the test")


def _time_overlap(evidence: Evidence, _champion: str | None) -> Verdict:
    until, start = evidence.train_until, evidence.test_from
    said = f"training ends {until.isoformat()}, the test starts {start.isoformat()}; expected no overlap"
    remedy = (
        "a random split shares each day's fate between the two, so its scores are better than the truth: "
        "split by time"
    )
    return _verdict(until <= start, said, remedy)


def _golden_feature(evidence: Evidence, _champion: str | None) -> Verdict:
    ranked = sorted(evidence.feature_auc.items(), key=lambda pair: -pair[1])
    golden = [pair for pair in ranked if pair[1] >= GOLDEN_AUC]
    if not ranked:
        return False, "no feature was ranked alone, expected every one: train again"
    named = ", ".join(f"{name!r} {auc:.3f}" for name, auc in golden or ranked[:1])
    said = f"the highest ROC AUC of a feature alone is {named}, expected below {GOLDEN_AUC:.2f}"
    return _verdict(not golden, said, "look for a leak: is it known before the flight leaves?")


def _group_far_worse(evidence: Evidence, _champion: str | None) -> Verdict:
    overall = evidence.test.roc_auc
    if overall is None:
        return (
            True,
            "ROC AUC is undefined on a test with late flights only or none, so no group falls short of it",
        )
    limit = overall.value - MOST_GROUP_SHORTFALL
    judged = [
        (kind, group) for kind, groups in evidence.test.by.items() for group in groups if _is_large(group)
    ]
    behind = [
        f"{kind} {group.name} {_plain(group.roc_auc)}" for kind, group in judged if _is_below(group, limit)
    ]
    said = f"of {len(judged)} groups, those far behind: {', '.join(behind) or 'none'}"
    wanted = (
        f"expected ROC AUC intervals that reach {limit:.3f}, {MOST_GROUP_SHORTFALL} under the overall one"
    )
    return _verdict(not behind, f"{said}; {wanted}", "look at their flights, or train without them")


def _digest_missing(evidence: Evidence, _champion: str | None) -> Verdict:
    said = f"the digest of the training table is {evidence.data_digest or 'missing'}, expected to be recorded"
    return _verdict(bool(evidence.data_digest), said, "train again with puntual train, which records it")


CHECKS: dict[int, tuple[str, Callable[[Evidence, str | None], Verdict]]] = {
    1: ("baseline not beaten", _baseline_not_beaten),
    2: ("worse than the champion", _worse_than_champion),
    3: ("calibration off", _calibration_off),
    4: ("time overlap between train and test", _time_overlap),
    5: ("golden feature", _golden_feature),
    6: ("a group far worse than the rest", _group_far_worse),
    7: ("data digest missing", _digest_missing),
}


def _verdict(passed: bool, said: str, remedy: str) -> Verdict:
    return passed, said if passed else f"{said}; {remedy}"


def _signed(measure: Measure) -> str:
    return f"{measure.value:+.4f} [{measure.low:+.4f}, {measure.high:+.4f}]"


def _plain(measure: Measure | None) -> str:
    return "undefined" if measure is None else f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def _is_large(group: GroupScores) -> bool:
    late = round(group.late_rate * group.flights)
    return group.flights >= GROUP_FLIGHTS and late >= GROUP_LATE_FLIGHTS and group.roc_auc is not None


def _is_below(group: GroupScores, limit: float) -> bool:
    return group.roc_auc is not None and group.roc_auc.high < limit


def _spread(rows: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, rows - 1, min(rows, FEATURE_ROWS)).astype(np.intp))


def _binned_auc(
    train: NDArray[np.floating],
    train_late: NDArray[np.bool_],
    valid: NDArray[np.floating],
    valid_late: NDArray[np.bool_],
) -> float:
    edges = _edges(train)
    place = _bins(train, edges)
    flights = np.bincount(place, minlength=len(edges) + 2)
    late = np.bincount(place, train_late, minlength=len(edges) + 2)
    rates = (late + PRIOR_FLIGHTS * train_late.mean()) / (flights + PRIOR_FLIGHTS)
    return roc_auc(rates[_bins(valid, edges)], valid_late)


def _edges(train: NDArray[np.floating]) -> NDArray[np.floating]:
    """Cut at quantiles, the least value among them, so that a rare lowest value has a bin of its own."""
    known: NDArray[np.floating] = train[~np.isnan(train)]
    if len(known) == 0:
        return known
    levels = np.arange(FEATURE_BINS) / FEATURE_BINS
    return np.unique(np.quantile(known, levels, method="lower"))


def _bins(values: NDArray[np.floating], edges: NDArray[np.floating]) -> NDArray[np.intp]:
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))
