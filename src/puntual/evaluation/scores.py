"""All scores of a sample with their intervals, overall and for each group of flights."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.bootstrap import (
    Draws,
    Measure,
    draw,
    measure,
    measure_if_defined,
    ratio,
    reflected_measure,
)
from puntual.evaluation.losses import (
    expected_calibration_error,
    late_log_losses,
    log_losses,
    pinball_losses,
)
from puntual.evaluation.ranking import rank
from puntual.evaluation.samples import Outcomes, Predicted, expect_same_flights

_CHUNK = 1 << 18


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """How good the predictions of some flights are; None where the sample leaves a measure undefined.

    brier_skill  1 − Brier score / that of always predicting this sample's own late rate
    log_loss     over the five bands, natural logarithm, probabilities of at least 1e-15
    log_loss_late  over late or not
    ece          expected calibration error of P(late); its interval is mirrored, see `reflected_measure`
    precision, recall, f1   of the label "late", given from the threshold upwards
    lift         late rate among the 10 % with the highest P(late) / late rate of all
    pinball      in minutes, the mean of its three quantiles; of departed flights only
    """

    flights: int
    late_rate: float
    roc_auc: Measure | None
    average_precision: Measure | None
    brier: Measure
    brier_skill: Measure | None
    log_loss: Measure
    log_loss_late: Measure
    ece: Measure
    precision: Measure | None
    recall: Measure | None
    f1: Measure | None
    lift: Measure | None
    pinball: Measure | None
    pinball_p50: Measure | None
    pinball_p80: Measure | None
    pinball_p95: Measure | None


class GroupScores(Scores, frozen=True, kw_only=True):
    """The scores of the flights of one airline, one month or one hour."""

    name: str


class Evaluation(Scores, frozen=True, kw_only=True):
    """The scores of all flights at a threshold, and by kind of group."""

    threshold: float
    by: dict[str, list[GroupScores]]


def score(
    outcomes: Outcomes,
    predicted: Predicted,
    threshold: float,
    *,
    rounds: int = 200,
    seed: int = 0,
    groups: Mapping[str, NDArray[np.str_]] | None = None,
) -> Evaluation:
    """Score predictions against what happened, with 95 % intervals of a bootstrap over days.

    `groups` gives for each kind, such as airline, the name of each flight's group, (n,).
    """
    expect_same_flights(outcomes, predicted)
    overall = _score(outcomes, predicted, threshold, draw(outcomes.day, rounds, seed))
    by: dict[str, list[GroupScores]] = {kind: [] for kind in groups or {}}
    for kind, name, chosen in _members(groups or {}, len(outcomes)):
        some = outcomes.only(chosen)
        scores = _score(some, predicted.only(chosen), threshold, draw(some.day, rounds, seed))
        by[kind].append(GroupScores(name=name, **msgspec.structs.asdict(scores)))
    return Evaluation(threshold=threshold, by=by, **msgspec.structs.asdict(overall))


def _members(
    groups: Mapping[str, NDArray[np.str_]], flights: int
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    for kind, names in groups.items():
        if len(names) != flights:
            raise ValueError(
                f"group {kind!r} names {len(names)} flights, expected {flights}: name each flight's"
            )
        for name in sorted(np.unique(names).tolist(), key=_numbers_by_size):
            yield kind, name, names == name


def _numbers_by_size(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (-1, name)


def _score(outcomes: Outcomes, predicted: Predicted, threshold: float, draws: Draws) -> Scores:
    late, p_late = outcomes.late, predicted.late_probability
    ranks = rank(p_late, late, draws)
    flights = draws.sums(np.ones(len(outcomes)))
    late_rate = draws.sums(late) / flights
    brier = draws.sums((p_late - late) ** 2) / flights
    precision, recall, f1 = _label_measures(p_late >= threshold, late, draws)
    pinball, p50, p80, p95 = _pinball_measures(outcomes, predicted, draws)
    return Scores(
        flights=len(outcomes),
        late_rate=float(late.mean()),
        roc_auc=measure_if_defined(ranks.roc_auc),
        average_precision=measure_if_defined(ranks.average_precision),
        brier=measure(brier),
        brier_skill=measure_if_defined(1 - ratio(brier, late_rate * (1 - late_rate))),
        log_loss=measure(draws.sums(_in_chunks(log_losses, predicted.bands, outcomes.band)) / flights),
        log_loss_late=measure(draws.sums(_in_chunks(late_log_losses, p_late, late)) / flights),
        ece=reflected_measure(expected_calibration_error(p_late, late, draws)),
        precision=precision,
        recall=recall,
        f1=f1,
        lift=measure_if_defined(ranks.lift),
        pinball=pinball,
        pinball_p50=p50,
        pinball_p80=p80,
        pinball_p95=p95,
    )


def _label_measures(
    labelled: NDArray[np.bool_], late: NDArray[np.bool_], draws: Draws
) -> tuple[Measure | None, Measure | None, Measure | None]:
    hits, alarms, actual = draws.sums(labelled & late), draws.sums(labelled), draws.sums(late)
    rows = ratio(hits, alarms), ratio(hits, actual), ratio(2 * hits, alarms + actual)
    precision, recall, f1 = map(measure_if_defined, rows)
    return precision, recall, f1


def _pinball_measures(outcomes: Outcomes, predicted: Predicted, draws: Draws) -> list[Measure | None]:
    """Measure the mean of the three quantiles, then each, over the flights that departed."""
    losses = _in_chunks(pinball_losses, predicted.quantiles, outcomes.delay)
    departed = draws.sums(outcomes.departed)
    columns = [losses.mean(axis=1), *losses.T]
    return [measure_if_defined(ratio(draws.sums(column), departed)) for column in columns]


def _in_chunks(losses: Callable[..., NDArray[np.float64]], *columns: NDArray[Any]) -> NDArray[np.float64]:
    """Work out the losses of so many flights at a time that what is needed meanwhile stays small."""
    starts = range(0, len(columns[0]), _CHUNK)
    return np.concatenate(
        [losses(*(column[start : start + _CHUNK] for column in columns)) for start in starts]
    )
