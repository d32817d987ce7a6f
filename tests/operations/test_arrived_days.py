"""A history of arrivals goes on from the landings that a journal tells of, each counted where training counts it."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from arrivals_made import made_arrivals
from operations.events_made import NOW, event
from puntual.features.from_frame import operations_of
from puntual.features.history import OperatedFlights
from puntual.flights.arrays import Columns
from puntual.flights.flight import LateRule, Target
from puntual.operations.event import KnownEvent
from puntual.operations.event_feed import EventFeed
from puntual.operations.event_import import import_events
from puntual.operations.operated_days import OperatedDays
from puntual.operations.table_events import events_of_table
from puntual.sources import toward

FAR = 30_000
RULE = LateRule.FROM_15
DUE = {"scheduled_arrival": "2013-10-03T08:19"}


def arrivals_by(place: Path, *events: KnownEvent) -> OperatedFlights:
    """What a journal with these events tells of arrivals."""
    feed = EventFeed(place)
    feed.append(events, NOW, "tower")
    feed.close()
    return read(place)


def read(place: Path) -> OperatedFlights:
    days = OperatedDays(place, Target.ARRIVAL)
    assert days.refresh(0, FAR)
    flights = days.flights()
    days.close()
    return flights


def rows_of(counts: Columns) -> list[tuple[object, ...]]:
    columns = [counts[name].tolist() for name in sorted(counts)]
    return sorted(zip(*columns, strict=True))


def test_landings_of_a_journal_are_counted_as_those_of_a_table(tmp_path: Path) -> None:
    """On the day on which they landed by the clocks at the origin, also where the destination is a day ahead."""
    flights = toward(made_arrivals(days=20), Target.ARRIVAL)
    feed = EventFeed(tmp_path / "journal.db")
    import_events(events_of_table(flights), feed, datetime(2026, 1, 1, tzinfo=UTC), lambda _: None)
    feed.close()
    # Whoever was diverted left, and is known to a journal no more than one who is not told of.
    arrived = flights.filter(pl.col("arrival_delay").is_not_null() | pl.col("cancelled"))
    assert flights.height > arrived.height > flights.height - 20
    assert rows_of(read(tmp_path / "journal.db").counts(RULE)) == rows_of(operations_of(arrived, RULE))


def test_a_landing_is_as_late_as_the_last_news_of_its_schedule_says(tmp_path: Path) -> None:
    flights = arrivals_by(
        tmp_path / "journal.db",
        event("left", "05:18", at="05:17", **DUE),
        # In Houston, and known with the schedule of the departure alone.
        event("arrived", "09:55", at="08:50"),
    )
    assert flights.delay_seconds.tolist() == [31 * 60]
    # At Newark it is an hour later than in Houston.
    assert flights.known is not None
    assert flights.known.astype("datetime64[s]").tolist() == [datetime(2013, 10, 3, 9, 50)]


def test_who_only_left_and_who_landed_without_a_schedule_tell_nothing(tmp_path: Path) -> None:
    flights = arrivals_by(
        tmp_path / "journal.db",
        event("left", "05:18", at="05:17", flight_number="1", **DUE),
        event("arrived", "09:55", at="08:50", flight_number="2"),
    )
    assert len(flights.scheduled) == 0


def test_who_was_cancelled_never_arrives_and_counts_on_the_day_of_its_schedule(tmp_path: Path) -> None:
    flights = arrivals_by(
        tmp_path / "journal.db",
        event("arrived", "04:00", at="03:00", **DUE),
        event("cancelled", "06:00"),
    )
    assert flights.cancelled.tolist() == [True]
    assert flights.known is not None
    np.testing.assert_array_equal(flights.known, flights.scheduled)


def test_a_landing_days_before_its_schedule_is_not_believed(tmp_path: Path) -> None:
    flights = arrivals_by(
        tmp_path / "journal.db",
        event("arrived", "09:55", at="08:50", scheduled_arrival="2013-10-05T08:50"),
    )
    assert len(flights.scheduled) == 0
