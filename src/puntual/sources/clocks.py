"""Minutes and clock times → moments: dates with a time of day, delays, arrivals known by the clock alone."""

from collections.abc import Mapping

import polars as pl

from puntual.sources.airport_codes import zones_of

DAY = pl.duration(days=1)
MINUTE = 60_000_000
_DAY_MINUTES, _EARLIEST = 24 * 60, 6 * 60


def moment_at(midnight: pl.Series, clock: pl.Series) -> pl.Series:
    """Add minutes of the day to the midnight that starts it."""
    return midnight + (clock.cast(pl.Int64) * MINUTE).cast(pl.Duration("us"))


def departure_after(scheduled: pl.Series, delay: pl.Series) -> pl.Series:
    """Add a delay in minutes to the schedule; null where the delay is."""
    return scheduled + (delay * MINUTE).round().cast(pl.Int64).cast(pl.Duration("us"))


def clock_delay(scheduled: pl.Series, clock: pl.Series) -> pl.Series:
    """Give the delay in minutes of departures of which only the minute of the day is known, null where that is.

    It is taken between six hours before the schedule and eighteen after it.
    """
    rows = pl.DataFrame({"scheduled": scheduled, "clock": clock})
    planned = pl.col("scheduled").dt.hour().cast(pl.Int64) * 60 + pl.col("scheduled").dt.minute()
    behind = (pl.col("clock").cast(pl.Int64) - planned + _EARLIEST) % _DAY_MINUTES - _EARLIEST
    return rows.select(behind.cast(pl.Float64)).to_series()


def arrival_after(
    departure: pl.Series,
    origin: pl.Series,
    destination: pl.Series,
    clock: pl.Series,
    time_zones: Mapping[str, str],
) -> pl.Series:
    """Date a scheduled arrival of which only the minute of the day is known, at the destination.

    A flight lasts less than a day, so it arrives the first time after departure that the destination's clock
    shows that minute. Null where the clock is null, where departure falls into the hour that a change of
    clocks skips, and where neither the list of airports nor `time_zones` tells the zone.
    """
    zones = {"from": zones_of(origin, time_zones), "to": zones_of(destination, time_zones)}
    there = _in_zones(pl.DataFrame({"left": departure, **zones}).with_row_index("row"))
    rows = pl.DataFrame({"there": there, "clock": clock})
    arrival = pl.col("there").dt.truncate("1d") + pl.duration(minutes=pl.col("clock"))
    return rows.select(pl.when(arrival > pl.col("there")).then(arrival).otherwise(arrival + DAY)).to_series()


def _in_zones(rows: pl.DataFrame) -> pl.Series:
    """Give what the destination's clock shows at departure, one pair of zones at a time."""
    parts = rows.partition_by("from", "to", as_dict=True)
    moved = [part.lazy().select("row", there=_seen_from(*zones)) for zones, part in parts.items()]
    return pl.concat(pl.collect_all(moved)).sort("row")["there"]


def _seen_from(here: str | None, there: str | None) -> pl.Expr:
    if here is None or there is None:
        return pl.lit(None, pl.Datetime("us"))
    moment = pl.col("left").dt.replace_time_zone(here, ambiguous="earliest", non_existent="null")
    return moment.dt.convert_time_zone(there).dt.replace_time_zone(None)
