"""From what a model says to what is believed: prior correction, slope and intercepts, and the airport's level.

The logits of a state of knowledge are
`center + slope * (log q + shift - center) + intercept`, and the late bands are raised together by `level`: how far the
airport's late rate of the day is expected above the rate that the model was trained at. `shift` undoes a treatment of
the imbalance (Saerens et al., 2002); slope and intercepts are vector scaling with one slope (Guo et al., 2017), fitted
on flights that the model had not seen.

From the bands minutes are read: those of a flight that leaves, since a cancelled one has none.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import view
from puntual.features.history import WINDOWS
from puntual.features.states import ALL_STATES, part
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.arrays import Columns
from puntual.flights.flight import BAND_COUNT, BAND_STARTS
from puntual.prediction import band_kernel

Probabilities = NDArray[np.float64]

# The rates are kept away from 0 and 1, where one quiet or one stormy day would be taken for a law.
_RATE_FLOOR, _RATE_CEILING = 0.02, 0.8
# No probability is taken for less, so that each has a logarithm.
TINY = 1e-7
LEVELS = (0.5, 0.8, 0.95)
_STEPS = 20
# The edges that a band keeps where training saw too little of it.
_EDGES = (-15.0, *BAND_STARTS, 240.0)
_ENOUGH = 30
LEVEL_COLUMNS = tuple(COLUMNS.index(f"airport_late_rate_{window}d") for window in WINDOWS)


@dataclass(frozen=True)
class Level:
    """The late rate to be expected of the airport: its recent rates and the rate of training, weighed.

    `base` is the late rate of the flights that the model was trained on. The weights are those of the windows; what
    they leave of 1 is on the base, since good and bad days revert to the mean.
    """

    weights: tuple[float, ...] = (0.0,) * len(WINDOWS)
    base: float = 0.5

    def of(self, matrix: Matrix) -> NDArray[np.float64]:
        """Give the log odds by which each flight's airport is expected above the base, shape (n,); 0 if unknown."""
        base = min(max(self.base, _RATE_FLOOR), _RATE_CEILING)
        odds = np.empty(len(matrix))
        band_kernel.odds(view(recent_rates(matrix)), self.weights, sum(self.weights), base, view(odds))
        return np.log(odds) - math.log(base / (1 - base))


@dataclass(frozen=True)
class Scaling:
    """Slope, intercepts, prior shift and centre of the logits of one state of knowledge.

    The centre are the log shares of the bands in training: a slope under 1 draws towards those, not towards even
    odds. `follow` says how far the level of the airport is followed.
    """

    slope: float = 1.0
    intercepts: tuple[float, ...] = (0.0,) * BAND_COUNT
    shift: tuple[float, ...] = (0.0,) * BAND_COUNT
    center: tuple[float, ...] = (0.0,) * BAND_COUNT
    follow: float = 1.0

    def logits(self, probabilities: Probabilities, level: NDArray[np.float64]) -> Probabilities:
        """Scale what the model said, shape (n, 5), and raise the late bands by the level, shape (n,)."""
        logits: Probabilities = np.log(np.maximum(probabilities, TINY))
        band_kernel.scale(view(logits), view(self._by_band), self.slope, self.follow, view(level))
        return logits

    @cached_property
    def _by_band(self) -> NDArray[np.float64]:
        return np.array([self.center, self.shift, self.intercepts])


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration of a bundle: one scaling for each state of knowledge, by its name, and the level."""

    scalings: Mapping[str, Scaling]
    level: Level

    def apply(self, probabilities: Probabilities, matrix: Matrix) -> Probabilities:
        """Turn a model's probabilities of the bands for n flights into calibrated ones, shape (n, 5)."""
        return self.scale(probabilities, matrix, self.level.of(matrix))

    def scale(
        self, probabilities: Probabilities, matrix: Matrix, level: NDArray[np.float64]
    ) -> Probabilities:
        """Scale a model's probabilities, shape (n, 5), the late bands being raised by another level, shape (n,)."""
        logits = np.empty((len(matrix), BAND_COUNT))
        for state, rows in part(matrix):
            logits[rows] = self.scalings[state.name].logits(probabilities[rows], level[rows])
        return softmax(logits)


def recent_rates(matrix: Matrix) -> NDArray[np.float64]:
    """Give the airport's late rate by window, shape (n, 4), kept from 0 and 1; NaN where unknown."""
    rates = np.empty((len(matrix), len(LEVEL_COLUMNS)))
    band_kernel.recent_rates(view(matrix), LEVEL_COLUMNS, _RATE_FLOOR, _RATE_CEILING, view(rates))
    return rates


def softmax(logits: Probabilities) -> Probabilities:
    """Turn logits into probabilities that sum to 1 along the last axis."""
    shares = logits.copy()
    band_kernel.less_the_largest(view(shares))
    np.exp(shares, out=shares)
    band_kernel.share_out(view(shares))
    return shares


def to_table(calibration: Calibration) -> Columns:
    """Lay a calibration out as a table of named numbers, to be stored; what has several has a row for each."""
    parts: dict[str, Scaling | Level] = {**calibration.scalings, "level": calibration.level}
    rows = [
        (f"{name}.{field.name}", number)
        for name, value_of in parts.items()
        for field, value in zip(fields(value_of), astuple(value_of), strict=True)
        for number in np.atleast_1d(value).tolist()
    ]
    names, numbers = zip(*rows, strict=True)
    return {"name": np.array(names, np.str_), "value": np.array(numbers, np.float64)}


def from_table(table: Columns) -> Calibration:
    """Read back what `to_table` laid out."""
    values: defaultdict[str, tuple[float, ...]] = defaultdict(tuple)
    for name, number in zip(table["name"].tolist(), table["value"].tolist(), strict=True):
        values[name] += (number,)
    scalings = {
        state.name: Scaling(
            slope=values[f"{state.name}.slope"][0],
            intercepts=values[f"{state.name}.intercepts"],
            shift=values[f"{state.name}.shift"],
            center=values[f"{state.name}.center"],
            follow=values[f"{state.name}.follow"][0],
        )
        for state in ALL_STATES
        if f"{state.name}.slope" in values
    }
    return Calibration(scalings, Level(values["level.weights"], values["level.base"][0]))


@dataclass(frozen=True, slots=True)
class DelayShape:
    """How delays lie within each band: quantiles at evenly spaced shares, (5, 21), and means, (5,), in minutes."""

    quantiles: NDArray[np.float64]
    means: NDArray[np.float64]

    def expected_minutes(self, bands: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the expected delay of n flights, shape (n,), in minutes; a cancellation weighs as the last band."""
        # Not a matrix product: that rounds a row differently with the rows beside it.
        expected = np.empty(len(bands))
        band_kernel.weigh(view(bands), view(self.means), view(expected))
        return expected

    def quantile_minutes(self, bands: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the delay not exceeded with probability .5, .8 and .95, shape (n, 3), in minutes."""
        minutes = np.empty((len(bands), len(LEVELS)))
        band_kernel.quantiles(view(bands), view(self.quantiles), LEVELS, view(minutes))
        return minutes


def learn_shape(delay: NDArray[np.float64], band: NDArray[np.int8]) -> DelayShape:
    """Learn how the delays of departed flights (NaN where cancelled) lie within their bands."""
    within = [delay[(band == place) & ~np.isnan(delay)] for place in range(BAND_COUNT)]
    shares = np.linspace(0, 1, _STEPS + 1)
    quantiles = [
        np.quantile(minutes, shares) if len(minutes) >= _ENOUGH else np.interp(shares, (0, 1), edges)
        for minutes, edges in zip(within, pairwise(_EDGES), strict=True)
    ]
    means = [
        minutes.mean() if len(minutes) >= _ENOUGH else drawn.mean()
        for minutes, drawn in zip(within, quantiles, strict=True)
    ]
    return DelayShape(np.array(quantiles), np.array(means))


def shape_to_table(shape: DelayShape) -> Columns:
    """Lay the shape out as a table of one row a band, to be stored."""
    return {"mean": shape.means, "quantiles": shape.quantiles}


def shape_from_table(table: Columns) -> DelayShape:
    """Read back what `shape_to_table` laid out."""
    return DelayShape(table["quantiles"], table["mean"])
