"""Past operations and weather as the events that would have told of them, known when training takes them as known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import polars as pl

from puntual.flights.flight import LateRule, Target
from puntual.flights.operations import MEASURES, NEVER, OBSERVATION_KNOWN_AFTER, TAIL_KNOWN_BEFORE
from puntual.flights.schema import by_departure, has_operation
from puntual.operations.event import KnownEvent, with_content_key
from puntual.operations.event_contract import LONGEST_CODE, LONGEST_PLACE, LONGEST_TAIL
from puntual.sources import FlightTable, toward
from puntual.sources.observed import observations_of, operations_of_table, real_minutes

_DAY = 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of an event of weather, which is of no flight.
_NO_FLIGHT = ("", "", "", "", None, None)
_ENCODER = msgspec.json.Encoder()


class TableEvents(NamedTuple):
    """How many events a table tells of, the events flight by flight and then the weather, and the silent flights."""

    number: int
    events: Iterator[KnownEvent]
    silent: int


class _Happened(NamedTuple):
    """What happened to a flight, in real minutes since 1970, as `flights.operations.Operations` has it."""

    scheduled: int
    left_known: int
    cancelled_known: int
    arrived: int
    arrived_known: int
    delay_seconds: int


def events_of_table(flights: pl.DataFrame, weather: pl.DataFrame | None = None) -> TableEvents:
    """Make events of flights with `schema.SCHEMA`, and `arrived` where it is known, and of `hourly_weather`.

    A flight is silent whose operation is not known, or whose names no event could hold.
    """
    operated = flights.filter(has_operation(by_departure(flights))).filter(_fits())
    # When a departure counts as late is of no importance to its event.
    operations = operations_of_table(operated, LateRule.FROM_15)
    columns = [getattr(operations, name) for name in _Happened._fields]
    happened = map(_Happened._make, zip(*(column.tolist() for column in columns), strict=True))
    known = operations.left_known, operations.cancelled_known, operations.arrived_known
    number = sum(int((minutes < NEVER).sum()) for minutes in known) + operated.select(_tail().count()).item()
    observed = [] if weather is None else list(_weather_events(weather))
    return TableEvents(
        number + len(observed),
        chain(_flight_events(operated, happened), observed),
        flights.height - operated.height,
    )


def period_of(
    table: FlightTable,
    start: datetime | None,
    until: datetime | None,
    target: Target = Target.DEPARTURE,
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Take the flights of a period with their landings, and the weather of it and of the day before.

    `start` and `until`, which is exclusive, bound the scheduled departures.
    """
    scheduled = pl.col("scheduled_departure")
    flights = toward(table, target).filter(
        scheduled >= start if start else pl.lit(True), scheduled < until if until else pl.lit(True)
    )
    if table.weather is None or not (start or until):
        return flights, table.weather
    minutes = real_minutes(flights["scheduled_departure"], flights["time_zone"])
    first, last = pl.lit(minutes.min(), pl.Int64), pl.lit(minutes.max(), pl.Int64)
    return flights, table.weather.filter(pl.col("observed").is_between(first - _DAY, last))


def _flight_events(flights: pl.DataFrame, happened: Iterator[_Happened]) -> Iterator[KnownEvent]:
    for names, what in zip(flights.select(_names()).iter_rows(named=True), happened, strict=True):
        yield from map(with_content_key, _events_of(names, what))


def _names() -> list[pl.Expr]:
    arrival = pl.col("scheduled_arrival").dt.strftime("%Y-%m-%dT%H:%M")
    departure = pl.col("scheduled_departure").dt.strftime("%Y-%m-%dT%H:%M")
    names = pl.col("airline", "flight_number", "origin", "destination").fill_null("")
    return [names, departure, arrival, _tail().alias("tail")]


def _events_of(names: dict[str, Any], what: _Happened) -> Iterator[KnownEvent]:
    departs = _moment(what.scheduled)
    news = KnownEvent(
        "",
        "",
        names["origin"],
        names["airline"],
        names["flight_number"],
        names["scheduled_departure"],
        names["destination"],
        departs,
        names["scheduled_arrival"],
        departs,
        departs,
        None,
        None,
        None,
    )
    if names["tail"] is not None:
        known = _moment(what.scheduled - TAIL_KNOWN_BEFORE)
        yield news._replace(kind="tail", at=known, known_at=known, tail=names["tail"])
    if what.left_known < NEVER:
        left = departs + timedelta(seconds=what.delay_seconds)
        yield news._replace(kind="left", at=left, known_at=_moment(what.left_known))
    if what.cancelled_known < NEVER:
        known = _moment(what.cancelled_known)
        yield news._replace(kind="cancelled", at=known, known_at=known)
    if what.arrived_known < NEVER:
        arrived, known = _moment(what.arrived), _moment(what.arrived_known)
        yield news._replace(kind="arrived", at=arrived, known_at=known)


def _weather_events(weather: pl.DataFrame) -> Iterator[KnownEvent]:
    """Make an event of each hour; of two that are observed at once training sees the last."""
    hours = weather.filter(pl.col("observed").is_not_null())
    hours = hours.unique(["airport", "observed"], keep="last", maintain_order=True)
    seen = observations_of(hours)
    for airport, known, values in zip(
        seen.airport.tolist(), seen.known.tolist(), seen.values.tolist(), strict=True
    ):
        measured = {name: value for name, value in zip(MEASURES, values, strict=True) if value == value}
        at, observation = _moment(known - OBSERVATION_KNOWN_AFTER), _ENCODER.encode(measured).decode()
        event = KnownEvent("", "weather", airport, *_NO_FLIGHT, at, _moment(known), None, None, observation)
        yield with_content_key(event)


def _fits() -> pl.Expr:
    """Tell which flights are named in codes, as an event of them would have to be."""
    codes = pl.col("airline", "flight_number").fill_null("").str.len_chars() <= LONGEST_CODE
    places = pl.col("origin", "destination").fill_null("").str.len_chars() <= LONGEST_PLACE
    return pl.all_horizontal(codes, places)


def _tail() -> pl.Expr:
    """Give the tails that an event can hold, as one would be sent."""
    tail = pl.col("tail").str.strip_chars().str.to_uppercase()
    return pl.when(tail.str.len_chars().is_between(1, LONGEST_TAIL)).then(tail)


def _moment(minutes: int) -> datetime:
    return _EPOCH + timedelta(minutes=minutes)
