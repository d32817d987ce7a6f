"""Percentile-bootstrap intervals over whole days, because the flights of a day share its fate.

Every measure is computed for all rounds at once: row 0 of each array is the sample itself, the rows after it
are the resampled ones, so value and interval come from the same formula. With a single day there is only one
block, and flights are drawn instead; such an interval is too narrow, as it cannot know how days differ.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.errors import NotEnoughFlightsError

LEVELS = (2.5, 97.5)


class Measure(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Draws:
    """The block of each flight, (n,), and how often each round draws each block, (1 + rounds, blocks)."""

    block: NDArray[np.intp]
    weights: NDArray[np.float64]

    def sums(self, per_flight: NDArray[np.generic]) -> NDArray[np.float64]:
        """Add up a figure of each flight in every round."""
        return self.weights @ np.bincount(self.block, per_flight, minlength=self.weights.shape[1])


def draw(day: NDArray[np.integer], rounds: int, seed: int) -> Draws:
    """Draw as many days as there are, with replacement, once for each round."""
    days, block = np.unique(day, return_inverse=True)
    if len(days) == 1:
        block = np.arange(len(day))
    count = int(block.max()) + 1
    resampled = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=rounds)
    return Draws(block, np.vstack([np.ones(count), resampled]))


def paired_difference(
    loss_a: NDArray[np.floating],
    loss_b: NDArray[np.floating],
    day: NDArray[np.integer],
    rounds: int = 1000,
    seed: int = 0,
) -> Measure:
    """Give the mean of loss a minus loss b over the same flights; below zero means that a is better.

    >>> paired_difference(np.array([1.0, 3.0]), np.array([1.5, 3.5]), np.array([1, 2]))
    Measure(value=-0.5, low=-0.5, high=-0.5)
    """
    if not len(loss_a) == len(loss_b) == len(day):
        raise ValueError(
            f"got {len(loss_a)} and {len(loss_b)} losses and {len(day)} days; expected one of each per flight"
        )
    if len(day) == 0:
        raise NotEnoughFlightsError(
            "0 flights to compare on; at least one is needed: widen the dates of the test flights"
        )
    draws = draw(day, rounds, seed)
    return measure(ratio(draws.sums(loss_a - loss_b), draws.sums(np.ones(len(day)))))


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; NaN where there is nothing to divide by."""
    quotient: NDArray[np.float64] = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


def measure(rows: NDArray[np.float64]) -> Measure:
    """Summarise the rows: the sample's own value, and the 2.5th and 97.5th percentile of the rounds.

    Rounds in which the measure is undefined, such as those that drew no late flight, are left out.
    """
    low, high = _percentiles(rows)
    return Measure(float(rows[0]), low, high)


def measure_if_defined(rows: NDArray[np.float64]) -> Measure | None:
    """Summarise the rows, or say None where the sample itself leaves the measure undefined."""
    return None if np.isnan(rows[0]) else measure(rows)


def reflected_measure(rows: NDArray[np.float64]) -> Measure:
    """Summarise the rows of a measure that noise can only raise, such as a calibration error.

    Resampling adds as much bias to the sample's value as sampling added to the truth, so percentiles are
    mirrored at the value (the basic bootstrap) instead of taken as they are, and cut at zero.
    """
    value = float(rows[0])
    low, high = _percentiles(rows)
    return Measure(value, min(value, max(0.0, 2 * value - high)), max(value, 2 * value - low))


def _percentiles(rows: NDArray[np.float64]) -> tuple[float, float]:
    defined = rows[1:][~np.isnan(rows[1:])]
    if len(defined) == 0:
        return float(rows[0]), float(rows[0])
    low, high = np.percentile(defined, LEVELS)
    return float(low), float(high)
