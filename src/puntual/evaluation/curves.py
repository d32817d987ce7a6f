"""The curves of a report: ROC, precision over recall, and reliability."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.losses import equal_mass_bins
from puntual.evaluation.ranking import sort_with_ties
from puntual.evaluation.samples import Outcomes, Predicted, expect_same_flights

MOST_POINTS = 200
HISTOGRAM_BINS = 50
NORMAL_QUANTILE = 1.959963984540054


class Curve(msgspec.Struct, frozen=True):
    """Points to be joined by a line."""

    x: list[float]
    y: list[float]


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Flights given nearly the same P(late), the rate at which they were late, and its 95 % Wilson interval.

    The interval takes flights as independent; days that are bad as a whole make the truth somewhat wider.
    """

    predicted: float
    observed: float
    low: float
    high: float
    flights: int


class Curves(msgspec.Struct, frozen=True):
    """The curves of a sample; None where late flights, or for ROC punctual ones, are lacking.

    `roc` has the false-alarm rate on x and recall on y, `precision_recall` recall on x and precision on y.
    `histogram` counts the flights in bins of P(late) of equal width, from 0 to 1.
    """

    roc: Curve | None
    precision_recall: Curve | None
    reliability: list[ReliabilityBin]
    histogram: list[int] = []


def curves(outcomes: Outcomes, predicted: Predicted) -> Curves:
    """Draw the curves of P(late), each with at most 200 points."""
    expect_same_flights(outcomes, predicted)
    late, p_late = outcomes.late, predicted.late_probability
    alarms, hits = _alarms_and_hits(p_late, late)
    counts, _ = np.histogram(p_late, HISTOGRAM_BINS, (0.0, 1.0))
    return Curves(
        _roc(alarms, hits), _precision_recall(alarms, hits), _reliability(p_late, late), counts.tolist()
    )


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """Give the 95 % Wilson score interval of a rate.

    >>> [round(end, 3) for end in wilson(5, 10)]
    [0.237, 0.763]
    """
    rate, z2 = successes / trials, NORMAL_QUANTILE**2
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = NORMAL_QUANTILE * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def _alarms_and_hits(
    p_late: NDArray[np.float64], late: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count false alarms and hits at every threshold, from nobody labelled late to everybody."""
    order, starts = sort_with_ties(p_late)
    ends = np.append(starts[1:], len(late))
    hits = np.concatenate([[0], late[order].cumsum()[ends - 1]])
    return np.concatenate([[0], ends]) - hits.astype(np.float64), hits.astype(np.float64)


def _roc(alarms: NDArray[np.float64], hits: NDArray[np.float64]) -> Curve | None:
    if alarms[-1] == 0 or hits[-1] == 0:
        return None
    return _thin(alarms / alarms[-1], hits / hits[-1])


def _precision_recall(alarms: NDArray[np.float64], hits: NDArray[np.float64]) -> Curve | None:
    if hits[-1] == 0:
        return None
    return _thin(hits[1:] / hits[-1], hits[1:] / (hits + alarms)[1:])


def _thin(x: NDArray[np.float64], y: NDArray[np.float64]) -> Curve:
    """Keep the points that are spaced evenly along the curve, first and last among them."""
    walked = np.concatenate([[0], (np.abs(np.diff(x)) + np.abs(np.diff(y))).cumsum()])
    kept = np.searchsorted(walked, np.linspace(0, walked[-1], MOST_POINTS - 1))
    kept = np.unique(np.append(np.minimum(kept, len(x) - 1), len(x) - 1))
    return Curve(x[kept].tolist(), y[kept].tolist())


def _reliability(p_late: NDArray[np.float64], late: NDArray[np.bool_]) -> list[ReliabilityBin]:
    place = equal_mass_bins(p_late)
    flights, hits = np.bincount(place), np.bincount(place, late)
    predicted = np.bincount(place, p_late) / flights
    return [
        ReliabilityBin(float(p), float(h / n), *wilson(float(h), float(n)), int(n))
        for p, h, n in zip(predicted, hits, flights, strict=True)
    ]
