"""The events of a past table say what training takes from it, of flights and weather, and of when each was known."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import polars as pl
import pytest

from live_made import leg, table_of
from puntual.flights import airports
from puntual.flights.flight import LateRule
from puntual.flights.operations import MEASURES, NEVER, TAIL_KNOWN_BEFORE
from puntual.operations.event import KnownEvent
from puntual.operations.event_feed import EventFeed
from puntual.operations.event_import import import_events
from puntual.operations.table_events import events_of_table, period_of
from puntual.sources import read_flights
from puntual.sources.observed import observations_of, operations_of_table, real_minutes
from puntual.sources.times import local_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# The clocks of New York go forward on the 10th.
FIRST, LAST = datetime(2013, 3, 8), datetime(2013, 3, 12)
KINDS = ("tail", "left", "cancelled", "arrived")


def minute(moment: datetime) -> int:
    assert (moment.second, moment.microsecond) == (0, 0)
    return int(moment.timestamp()) // 60


def from_the_journal(folder: Path, flights: pl.DataFrame, weather: pl.DataFrame | None) -> list[KnownEvent]:
    """Import a table, and read back what the journal holds."""
    feed = EventFeed(folder / "journal.db")
    table = events_of_table(flights, weather)
    imported = import_events(table, feed, NOW, lambda _: None)
    assert (imported.applied, imported.unchanged) == (table.number, 0)
    events: list[KnownEvent] = []
    while batch := feed._opened().read_after(len(events)).events:
        events += batch
    feed.close()
    return events


def due(event: KnownEvent) -> int:
    """When a flight is to land, by the clocks of its destination."""
    there = airports.look_up(event.destination)
    if there is None or event.scheduled_arrival is None:
        return NEVER
    local = local_time(datetime.fromisoformat(event.scheduled_arrival), ZoneInfo(there.time_zone))
    return NEVER if local is None else minute(local.instant)


@pytest.fixture(scope="module")
def new_york(tmp_path_factory: pytest.TempPathFactory):
    flights, weather = period_of(read_flights("nyc"), FIRST, LAST)
    return flights, weather, from_the_journal(tmp_path_factory.mktemp("journal"), flights, weather)


def test_each_field_of_each_flight_is_what_training_takes_from_the_table(new_york) -> None:
    flights, _, events = new_york
    operations = operations_of_table(flights, LateRule.FROM_15)
    by_kind = {kind: {event.flight: event for event in events if event.kind == kind} for kind in KINDS}
    names = flights.select(
        "airline", "flight_number", "origin", pl.col("scheduled_departure").dt.strftime("%Y-%m-%dT%H:%M")
    ).rows()
    for row, (flight, tail) in enumerate(zip(names, flights["tail"], strict=True)):
        of = {kind: by_kind[kind].get(flight) for kind in KINDS}
        left, cancelled, arrived = of["left"], of["cancelled"], of["arrived"]
        outcome = left or cancelled
        assert outcome is not None and outcome.departs is not None
        assert minute(outcome.departs) == operations.scheduled[row]
        assert (NEVER if left is None else minute(left.at)) == operations.left[row]
        assert (NEVER if left is None else minute(left.known_at)) == operations.left_known[row]
        seconds = 0 if left is None else (left.at - outcome.departs).total_seconds()
        assert seconds == operations.delay_seconds[row]
        assert (NEVER if cancelled is None else minute(cancelled.known_at)) == operations.cancelled_known[row]
        assert (NEVER if arrived is None else minute(arrived.at)) == operations.arrived[row]
        assert (NEVER if arrived is None else minute(arrived.known_at)) == operations.arrived_known[row]
        assert due(outcome) == operations.scheduled_arrival[row]
        known = of["tail"]
        assert (None if known is None else known.tail) == tail
        if known is not None:
            assert minute(known.known_at) == operations.scheduled[row] - TAIL_KNOWN_BEFORE
    assert {len(by_kind[kind]) > 50 for kind in KINDS} == {True}


def test_the_weather_is_what_training_takes_from_the_table_and_known_when_its_hour_is_over(new_york) -> None:
    _, weather, events = new_york
    expected = observations_of(weather)
    observed = [event for event in events if event.kind == "weather"]
    assert [event.airport for event in observed] == expected.airport.tolist()
    assert [minute(event.known_at) for event in observed] == expected.known.tolist()
    assert [minute(event.at) + 60 for event in observed] == expected.known.tolist()
    measured = [msgspec.json.decode(event.observation or "") for event in observed]
    values = [[one.get(name, np.nan) for name in MEASURES] for one in measured]
    np.testing.assert_array_equal(values, expected.values)


def test_weather_of_a_period_begins_a_day_before_it_so_that_its_first_flights_have_some(new_york) -> None:
    flights, weather, _ = new_york
    scheduled = real_minutes(flights["scheduled_departure"], flights["time_zone"])
    assert scheduled[0] - weather["observed"].min() in range(23 * 60, 24 * 60 + 1)
    assert scheduled[-1] - weather["observed"].max() in range(0, 60)


def test_of_two_observations_of_one_hour_the_last_counts_as_in_training() -> None:
    weather = pl.DataFrame(
        {"airport": ["JFK"] * 2, "observed": [22_000_000] * 2}
        | {name: [30.0, 50.0] if name == "temperature" else [None, None] for name in MEASURES},
        schema_overrides=dict.fromkeys(MEASURES, pl.Float64),
    )
    events = list(events_of_table(table_of(), weather).events)
    assert [event.observation for event in events] == ['{"temperature":50.0}']


def test_a_tail_is_known_a_day_before_the_schedule_and_one_too_long_for_an_event_is_none() -> None:
    flights = table_of(leg("06:00", 3, " n1 "), leg("07:00", 3, "N" * 17), leg("08:00", 3))
    table = events_of_table(flights)
    tails = [event for event in table.events if event.kind == "tail"]
    assert table.number == 4
    assert [(event.tail, event.known_at) for event in tails] == [("N1", datetime(2023, 1, 3, 11, tzinfo=UTC))]
