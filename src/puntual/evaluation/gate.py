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
from puntual.evaluation.bootstrap import Measure
from puntual.evaluation.ranking import roc_auc
from puntual.evaluation.scores import Evaluation, GroupScores

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
    """The result of one check: `name` is what is required, `reason` what was measured, with a remedy if it failed."""

    number: int
    name: str
    passed: bool
    reason: str

    @property
    def sentence(self) -> str:
        """The result in a sentence that cannot be read the wrong way round."""
        return f"check {self.number} {'passed' if self.passed else 'FAILED'}: {self.reason}"


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
        lines = [f"  {finding.sentence}" for finding in failed]
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
    every bin is scored by its late rate in training, so that a feature need not be monotone to stand out.
    """
    rows, judged = spread_rows(len(train)), spread_rows(len(valid))
    late = valid_late[judged]
    if not 0 < late.sum() < len(late):
        raise NotEnoughFlightsError(
            f"{int(late.sum())} of {len(late)} validation flights are late; "
            "ranking them needs late and punctual ones: validate on a longer period"
        )
    columns = zip(train[rows].T, valid[judged].T, names, strict=True)
    return {name: _binned_auc(x, train_late[rows], z, late) for x, z, name in columns}


def _better_than_base_rates(evidence: Evidence, _champion: str | None) -> Verdict:
    difference, base = evidence.baseline_difference, "training's band frequencies"
    if difference.high < 0:
        return True, f"measurably better than {base} ({_difference(difference)})"
    remedy = "train on more flights or with more features"
    return False, f"not measurably better than {base} ({_difference(difference)}); {remedy}"


def _not_worse_than_champion(evidence: Evidence, champion: str | None) -> Verdict:
    if champion is None:
        return True, "no other champion is deployed, so there is none to be worse than"
    difference = evidence.champion_difference
    if evidence.champion_version != champion or difference is None:
        against = evidence.champion_version or "none"
        return (
            False,
            f"not compared with the champion: compared with {against}, expected the champion {champion} that is "
            "deployed; train where its bundle can be read (puntual models pull), on flights that it has not seen, or "
            "promote with --force",
        )
    rival = f"the champion {champion} ({_difference(difference)})"
    if difference.low > 0:
        return False, f"measurably worse than {rival}; keep the champion, or train on newer flights"
    return True, f"{'measurably better' if difference.high < 0 else 'not measurably worse'} than {rival}"


def _calibrated(evidence: Evidence, _champion: str | None) -> Verdict:
    error = evidence.test.ece
    measured = f"expected calibration error {_plain(error)}"
    if error.low > MOST_CALIBRATION_ERROR:
        remedy = "calibrate on flights nearer to the test"
        return False, f"{measured} is measurably above the limit of {MOST_CALIBRATION_ERROR}; {remedy}"
    how = "not measurably above" if error.value > MOST_CALIBRATION_ERROR else "within"
    return True, f"{measured} is {how} the limit of {MOST_CALIBRATION_ERROR}"


def _tested_on_later_flights(evidence: Evidence, _champion: str | None) -> Verdict:
    until, start = f"{evidence.train_until:%Y-%m-%d %H:%M}", f"{evidence.test_from:%Y-%m-%d %H:%M}"
    if evidence.train_until <= evidence.test_from:
        return True, f"training ended {until}, before the test began {start}"
    return (
        False,
        f"training ended {until}, after the test began {start}: a random split shares each day's fate between the "
        "two, so its scores are better than the truth; split by time",
    )


def _no_golden_feature(evidence: Evidence, _champion: str | None) -> Verdict:
    ranked = sorted(evidence.feature_auc.items(), key=lambda pair: -pair[1])
    golden = [pair for pair in ranked if pair[1] >= GOLDEN_AUC]
    if not ranked:
        return False, "no feature was ranked alone, expected every one; train again"
    named = ", ".join(f"{name!r} {auc:.3f}" for name, auc in golden or ranked[:1])
    if golden:
        return (
            False,
            f"a single feature explains too much (ROC AUC alone: {named}, expected below {GOLDEN_AUC:.2f}); look for "
            "a leak: is it known before the flight leaves?",
        )
    return True, f"no single feature reaches a ROC AUC of {GOLDEN_AUC:.2f}; the strongest is {named}"


def _no_group_far_worse(evidence: Evidence, _champion: str | None) -> Verdict:
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
    short = [
        f"{kind} {group.name} {_plain(group.roc_auc)}" for kind, group in judged if _is_below(group, limit)
    ]
    bound = f"measurably below a ROC AUC of {limit:.3f}, {MOST_GROUP_SHORTFALL} under the overall {overall.value:.3f}"
    if short:
        remedy = "look at their flights, or train without them"
        return False, f"{len(short)} of {len(judged)} groups are {bound}: {', '.join(short)}; {remedy}"
    return True, f"none of the {len(judged)} groups that are large enough is {bound}"


def _data_recorded(evidence: Evidence, _champion: str | None) -> Verdict:
    if evidence.data_digest:
        return True, f"the digest of the training table is recorded: {evidence.data_digest}"
    return (
        False,
        "the digest of the training table is missing, expected to be recorded; train again with puntual train, "
        "which records it",
    )


# What is required, and the check of it.
CHECKS: dict[int, tuple[str, Callable[[Evidence, str | None], Verdict]]] = {
    1: ("better than base rates", _better_than_base_rates),
    2: ("not worse than the champion", _not_worse_than_champion),
    3: ("calibrated", _calibrated),
    4: ("tested on later flights", _tested_on_later_flights),
    5: ("no golden feature", _no_golden_feature),
    6: ("no group far worse than the rest", _no_group_far_worse),
    7: ("training data recorded", _data_recorded),
}


def _difference(measure: Measure) -> str:
    """Write a difference of log loss with what its interval says of it."""
    where = "is below 0" if measure.high < 0 else "is above 0" if measure.low > 0 else "includes 0"
    return f"log loss {measure.value:+.4f}, interval [{measure.low:+.4f}, {measure.high:+.4f}] {where}"


def _plain(measure: Measure | None) -> str:
    return "undefined" if measure is None else f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def _is_large(group: GroupScores) -> bool:
    late = round(group.late_rate * group.flights)
    return group.flights >= GROUP_FLIGHTS and late >= GROUP_LATE_FLIGHTS and group.roc_auc is not None


def _is_below(group: GroupScores, limit: float) -> bool:
    return group.roc_auc is not None and group.roc_auc.high < limit


def spread_rows(rows: int) -> NDArray[np.intp]:
    """Choose at most 50,000 of so many rows, evenly spaced; all where there are no more."""
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
