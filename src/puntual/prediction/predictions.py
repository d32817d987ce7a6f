"""A prediction: the probabilities of the five bands, and all that is read from them.

Expected minutes and quantiles are read from the bands (`calibration.DelayShape`), so that neither can contradict
P(late).
"""

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import Predicted
from puntual.features.vector import GROUPS
from puntual.flights.flight import BAND_KEYS
from puntual.prediction.warnings import codes_of

if TYPE_CHECKING:
    import polars as pl

BAND_NAMES = tuple(f"band_{key}" for key in BAND_KEYS)
SUPPORT_LEVELS = ("flight", "route", "airline", "airport")
REASON_NAMES = tuple(f"reason_{group.replace(' ', '_')}" for group in GROUPS)


class Predictions(msgspec.Struct, frozen=True):
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
