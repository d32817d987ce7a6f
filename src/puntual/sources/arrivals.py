"""A table of flights → the flights as a model learns them: by the delay of departure, or by that of arrival.

A flight that was cancelled or diverted never arrived. When an arrival is known, history has to know: it is when the
flight has landed, hours after a departure of the day before; what a table does not say of it is assumed late.
"""

from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from puntual.errors import TableError
from puntual.flights.flight import Target
from puntual.flights.operations import CANCELLATION_KNOWN_AFTER, NEVER
from puntual.sources.flight_table import FlightTable
from puntual.sources.observed import arrivals_of, real_minutes
from puntual.sources.validation import EARLIEST, LATEST

# Of a diversion no table says when it became known; it is taken as known when all that flies has landed.
_NO_FLIGHT_LASTS_LONGER = timedelta(hours=24)
_MINUTE = 60


def toward(table: FlightTable, target: Target) -> pl.DataFrame:
    """Give the flights of a table with what it tells of landings and, toward arrivals, with `schema.ARRIVAL_FIELDS`.

    Raise TableError for a table that tells no arrivals where they are to be learnt.
    """
    flights = table.flights if table.arrived is None else table.flights.with_columns(arrived=table.arrived)
    if target is Target.DEPARTURE:
        return flights
    if table.arrived is None or not flights["scheduled_arrival"].count():
        raise no_arrivals(table.source)
    return with_arrival_delay(flights, pl.lit(False) if table.diverted is None else pl.Series(table.diverted))


def no_arrivals(source: str) -> TableError:
    """Say that a source tells no arrivals."""
    return TableError(
        f"the source {source} tells no arrivals with their schedule, so their delay is not known; expected "
        "them with --target arrival; use --target departure, or name arrived and scheduled_arrival in the map"
    )


def with_arrival_delay(flights: pl.DataFrame, diverted: pl.Expr | pl.Series) -> pl.DataFrame:
    """Add `schema.ARRIVAL_FIELDS` to flights with `arrived`, of which some were `diverted`."""
    diverted = diverted.fill_null(False)
    flights = flights.with_columns(
        arrival_delay=_delay(), never_arrived=pl.col("cancelled").fill_null(False) | diverted
    ).with_columns(arrival_delay=pl.when(~pl.col("never_arrived")).then("arrival_delay"))
    return flights.with_columns(arrival_known=_known(flights))


def _delay() -> pl.Expr:
    """Give the seconds from scheduled to actual arrival; nothing where one of the two must be wrong."""
    behind = pl.col("arrived") - pl.col("scheduled_arrival")
    return pl.when(behind.is_between(EARLIEST, LATEST)).then(behind.dt.total_seconds())


def _known(flights: pl.DataFrame) -> pl.Series:
    """Give when the outcome of each flight was known, on the clocks of its origin.

    A cancellation counts on the day of the schedule, as it does for departures.
    """
    due, arrived = arrivals_of(flights)
    cancelled = flights["cancelled"].fill_null(False)
    scheduled = real_minutes(flights["scheduled_departure"], flights["time_zone"])
    left = real_minutes(flights["departed"], flights["time_zone"]).fill_null(scheduled)
    out = left + _NO_FLIGHT_LASTS_LONGER // timedelta(minutes=1)
    times = pl.DataFrame({"due": due, "arrived": arrived, "left": left, "out": out})
    never = pl.max_horizontal("due", "left") + CANCELLATION_KNOWN_AFTER
    landed = times.select(
        pl.when(pl.Series(flights["never_arrived"]))
        .then(pl.when(pl.col("due") < NEVER).then(never).otherwise("out"))
        .otherwise(pl.when(pl.col("arrived") < NEVER).then("arrived").otherwise("out"))
    ).to_series()
    shown = _on_clocks(landed, flights["time_zone"])
    return shown.zip_with(~cancelled, flights["scheduled_departure"])


def _on_clocks(minutes: pl.Series, zones: pl.Series) -> pl.Series:
    """Say what the clocks of each row's zone show at real minutes since 1970."""
    rows = pl.DataFrame({"minute": minutes, "zone": zones}).with_row_index("row")
    return pl.concat(list(_parts(rows))).sort("row")["shown"]


def _parts(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    moment = pl.from_epoch(pl.col("minute") * _MINUTE).cast(pl.Datetime("us", "UTC"))
    for (zone,), part in rows.partition_by("zone", as_dict=True).items():
        there = moment.dt.convert_time_zone(str(zone or "UTC")).dt.replace_time_zone(None)
        yield part.select("row", shown=there)
