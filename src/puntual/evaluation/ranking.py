"""How well P(late) ranks flights: ROC AUC, average precision and lift, for all rounds over one sort.

Flights with equal probabilities are one tie, taken together: ROC AUC counts half of the pairs within it,
average precision has one step for it, and the lift takes an even share of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.bootstrap import Draws, ratio

LIFT_SHARE = 0.1
# Rounds are worked through in chunks that stay near the processor's cache.
CHUNK_CELLS = 1 << 18


@dataclass(frozen=True)
class Ranks:
    """The ranking measures, one for each round; NaN where late or punctual flights are lacking."""

    roc_auc: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    lift: NDArray[np.float64]


def rank(p_late: NDArray[np.float64], late: NDArray[np.bool_], draws: Draws) -> Ranks:
    """Measure the ranking in every round."""
    order, starts = sort_with_ties(p_late)
    chunks = [_measure(*_steps(weights, late[order], starts)) for weights in _chunks(draws, order)]
    return Ranks(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))


def roc_auc(scores: NDArray[np.floating], late: NDArray[np.bool_]) -> float:
    """Give the chance that a late flight scores above one on time; NaN unless there are both.

    >>> roc_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    flights = np.arange(len(scores))
    return float(rank(scores.astype(np.float64), late, Draws(flights, np.ones((1, len(scores))))).roc_auc[0])


def sort_with_ties(scores: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the order from the highest score to the lowest, and where in it each new score starts."""
    order = np.argsort(-scores, kind="stable")
    falls = np.flatnonzero(np.diff(scores[order])) + 1
    return order, np.concatenate([[0], falls]).astype(np.intp)


def _chunks(draws: Draws, order: NDArray[np.intp]) -> Iterator[NDArray[np.float64]]:
    block = draws.block[order]
    size = max(1, CHUNK_CELLS // len(order))
    for first in range(0, len(draws.weights), size):
        yield draws.weights[first : first + size].take(block, axis=1)


def _steps(
    weights: NDArray[np.float64], late: NDArray[np.bool_], starts: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count all flights, and the late ones, of each tie: (rounds, ties) twice."""
    hits = weights * late
    if len(starts) == len(late):
        return weights, hits
    return np.add.reduceat(weights, starts, axis=1), np.add.reduceat(hits, starts, axis=1)


def _measure(
    flights: NDArray[np.float64], hits: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    seen, caught = flights.cumsum(axis=1), hits.cumsum(axis=1)
    total, late = seen[:, -1], caught[:, -1]
    pairs_in_order = np.einsum("ij,ij->i", flights - hits, caught - hits / 2)
    # A tie that no round drew has no flights, hence no hits: 0 / 1 is as good as 0 / 0.
    precision = np.einsum("ij,ij->i", hits, caught / np.maximum(seen, 1))
    gains = np.array([_interpolate(LIFT_SHARE * s[-1], s, c) for s, c in zip(seen, caught, strict=True)])
    return (
        ratio(pairs_in_order, late * (total - late)),
        ratio(precision, late),
        ratio(gains, late * LIFT_SHARE),
    )


def _interpolate(at: float, seen: NDArray[np.float64], caught: NDArray[np.float64]) -> float:
    after = int(np.searchsorted(seen, at))
    before_seen, before_caught = (seen[after - 1], caught[after - 1]) if after else (0.0, 0.0)
    step = seen[after] - before_seen
    share = (at - before_seen) / step if step else 0.0
    return float(before_caught + share * (caught[after] - before_caught))
