"""Late rates by hour, airline, destination and month."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.reporting.training_result import Rate


def rates_of(flights: pl.DataFrame, late: NDArray[np.bool_]) -> dict[str, tuple[Rate, ...]]:
    """Count flights and late rate by hour and month, in order, and by airline and destination, most flights first.

    A flight whose airline is unknown counts for none.
    """
    scheduled = pl.col("scheduled_departure")
    named = flights.select(
        hour=scheduled.dt.strftime("%H"),
        airline="airline",
        destination="destination",
        month=scheduled.dt.strftime("%Y-%m"),
        late=pl.Series(late),
    )
    by_size = {"airline", "destination"}
    return {
        kind: _rates(named, kind, kind in by_size) for kind in ("hour", "airline", "destination", "month")
    }


def _rates(named: pl.DataFrame, kind: str, by_size: bool) -> tuple[Rate, ...]:
    counted = named.drop_nulls(kind).group_by(kind).agg(pl.len().alias("flights"), pl.col("late").mean())
    order = counted.sort("flights", kind, descending=[True, False]) if by_size else counted.sort(kind)
    return tuple(
        Rate(name=name, flights=flights, late_rate=rate) for name, flights, rate in order.iter_rows()
    )
