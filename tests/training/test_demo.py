"""The demo leaves a day that its model has not seen, to be replayed."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flights_made import as_flight_table, make_flights
from puntual.api.serving.timetable_file import TimetableFile
from puntual.cli.demo import _leave
from puntual.operations.event_feed import EventFeed
from puntual.training import demo


class Begun(Exception):  # noqa: N818
    """Training was begun."""


def test_the_demo_trains_on_all_but_the_last_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Any] = {}

    def begin(_: object, **words: Any) -> None:
        given.update(words)
        raise Begun

    monkeypatch.setattr(demo, "read_flights", lambda *_, **__: as_flight_table(make_flights(days=3)))
    monkeypatch.setattr(demo, "train", begin)
    with pytest.raises(Begun):
        demo.run(str(tmp_path), tmp_path, datetime(2026, 1, 1, tzinfo=UTC), lambda *_: None)
    assert given["options"].until == datetime(2023, 1, 4)


def test_the_demo_leaves_its_last_day_for_the_page_but_not_beside_flights_that_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PUNTUAL_STATE", str(tmp_path / "state"))
    table = as_flight_table(make_flights(days=6))
    day = table.flights["scheduled_departure"].dt.date().max()
    assert isinstance(day, date)
    assert _leave(table, day)
    flights = TimetableFile(tmp_path / "state").keys()
    assert len(flights.day) == table.flights.filter(pl.col("scheduled_departure").dt.date() == day).height
    feed = EventFeed(tmp_path / "state" / "journal.db")
    feed.rebuild()
    known = dict(feed.board.departures("JFK"))
    left = {key for key, events in known.items() if any(event.kind == "left" for event in events)}
    feed.close()
    assert len({key for key in left if key.scheduled_departure.startswith(day.isoformat())}) > 10
    assert not _leave(table, day)
