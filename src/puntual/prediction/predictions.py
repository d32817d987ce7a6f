"""A prediction: the probabilities of the five bands, and all that is read from them.

Expected minutes and quantiles are read from the bands and from how delays lay within each band in training, so that
neither can contradict P(late). Minutes are those of a flight that leaves: a cancelled one has none.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import Predicted
from puntual.features.flight_keys import view
from puntual.features.vector import GROUPS
from puntual.flights.arrays import Columns
from puntual.flights.flight import BAND_COUNT, BAND_KEYS, BAND_STARTS
from puntual.prediction import band_kernel
from puntual.prediction.warnings import codes_of

if TYPE_CHECKING:
    import polars as pl

BAND_NAMES = tuple(f"band_{key}" for key in BAND_KEYS)
SUPPORT_LEVELS = ("flight", "route", "airline", "airport")
REASON_NAMES = tuple(f"reason_{group.replace(' ', '_')}" for group in GROUPS)
LEVELS = (0.5, 0.8, 0.95)
_STEPS = 20
# The edges that a band keeps where training saw too little of it.
_EDGES = (-15.0, *BAND_STARTS, 240.0)
_ENOUGH = 30


@dataclass(frozen=True)
class Predictions:
    """The predictions of n flights, in their order.

    `bands` (n, 5), `late_probability` (n,) the sum of all bands but the first, `expected_minutes` (n,), `quantiles`
    (n, 3) at p50, p80, p95 in minutes, `late` (n,) the label at `threshold`, which `threshold_rule` chose, `supports`
    (n, 4) the flights of the last sixty days of each of `SUPPORT_LEVELS`, `timetable_known` (n,), `history_until` (n,)
    the last day of operations used, as days since 1970 or -1 for none, `states` (n,) the place of the state of
    knowledge in `features.states.ALL_STATES`, `warnings` (n,) sums of `prediction.warnings.BITS`, and `reasons` (n, 6)
    where wanted, (n, 11) where the days of some unfold.
    """

    bands: NDArray[np.float64]
    late_probability: NDArray[np.float64]
    expected_minutes: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    late: NDArray[np.bool_]
    threshold: float
    threshold_rule: str
    supports: NDArray[np.int64]
    timetable_known: NDArray[np.bool_]
    history_until: NDArray[np.int64]
    states: NDArray[np.int8]
    warnings: NDArray[np.int64]
    reasons: NDArray[np.float64] | None = None

    @property
    def support(self) -> NDArray[np.int64]:
        """The flights behind each prediction at the narrowest level that has any, shape (n,)."""
        counts = np.zeros(len(self.supports), np.int64)
        for flights in self.supports.T[::-1]:
            counts = np.where(flights > 0, flights, counts)
        return counts

    @property
    def support_of(self) -> NDArray[np.str_]:
        """The level that `support` counts, shape (n,); "none" where there is none."""
        narrowest = np.where((self.supports > 0).any(axis=1), (self.supports > 0).argmax(axis=1), -1)
        return np.array([*SUPPORT_LEVELS, "none"])[narrowest]

    @property
    def predicted(self) -> Predicted:
        """The part that is scored."""
        return Predicted(self.bands, self.quantiles)

    def to_frame(self) -> "pl.DataFrame":
        """Lay the predictions out flat, a row a flight, in the words of the API; this alone needs Polars."""
        import polars as pl

        until = pl.Series(self.history_until, dtype=pl.Int32).set(pl.Series(self.history_until < 0), None)
        columns = {"late_probability": self.late_probability} | dict(
            zip(BAND_NAMES, self.bands.T, strict=True)
        )
        columns |= {"expected_delay_minutes": self.expected_minutes}
        columns |= dict(zip(("p50", "p80", "p95"), self.quantiles.T, strict=True))
        supports = dict(zip(SUPPORT_LEVELS, self.supports.T, strict=True))
        frame = pl.DataFrame(columns).with_columns(
            pl.Series("late", self.late),
            pl.lit(self.threshold).alias("threshold"),
            pl.lit(self.threshold_rule).alias("threshold_rule"),
            *(pl.Series(f"support_{level}", supports[level]) for level in ("airline", "route", "flight")),
            pl.Series("timetable", np.where(self.timetable_known, "known", "typical"), dtype=pl.String),
            until.cast(pl.Date).alias("history_until"),
            pl.Series("warnings", list(map(codes_of, self.warnings.tolist())), dtype=pl.String),
        )
        if self.reasons is None:
            return frame
        # A table is predicted for the day before.
        return frame.hstack(pl.DataFrame(self.reasons, schema=list(REASON_NAMES)))


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
