"""A day of a table, left in the state folder of a service for the page to play again."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from puntual.operations.event_feed import EventFeed
from puntual.operations.event_import import import_events
from puntual.operations.table_events import events_of_table, period_of
from puntual.sources import FlightTable

# Live features look back on so many days.
_BEFORE = timedelta(days=3)
_COLUMNS = ("origin", "destination", "airline", "flight_number")


def leave_events(table: FlightTable, day: date, journal: str | Path, now: datetime) -> int:
    """Append the events of a day and of the three before it to a journal, and count those that are new."""
    start = datetime.combine(day, time())
    events = events_of_table(*period_of(table, start - _BEFORE, start + timedelta(days=1)))
    feed = EventFeed(journal)
    try:
        return import_events(events, feed, now, lambda _: None).applied
    finally:
        feed.close()


def timetable_of(table: FlightTable, day: date) -> bytes:
    """Write the timetable of a day as the service takes it: CSV, each flight once, of those that go somewhere."""
    on = pl.col("scheduled_departure")
    flights = table.flights.filter(on.dt.date() == day, pl.col("origin") != pl.col("destination"))
    rows = flights.select(*_COLUMNS, on.dt.strftime("%Y-%m-%dT%H:%M")).unique(maintain_order=True)
    return rows.write_csv().encode()
