"""What happened to the flights of a table goes into the journal, known late rather than early."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from flights_made import flights_of
from puntual.cli import main
from puntual.operations.event import FlightKey
from puntual.operations.event_contract import Left
from puntual.operations.event_feed import EventFeed
from puntual.operations.event_import import import_events
from puntual.operations.event_reading import read_event
from test_docs import made_table, readme_map

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2023-04-20T{clock}-04:00")


@pytest.fixture
def feed(tmp_path: Path) -> EventFeed:
    return EventFeed(tmp_path / "journal.db")


def test_a_departure_is_known_minutes_later_and_a_cancellation_hours_after_its_schedule(
    feed: EventFeed,
) -> None:
    noon = datetime(2023, 4, 20, 12)
    flights = flights_of(
        {"scheduled_departure": noon, "departed": datetime(2023, 4, 20, 12, 41)},
        {"scheduled_departure": noon, "flight_number": "2", "cancelled": True},
        {"scheduled_departure": noon, "flight_number": "3", "cancelled": None},
        {"scheduled_departure": noon, "airline": "A name, not a code", "departed": noon},
    )
    assert import_events(flights, feed, NOW, lambda _: None) == (2, 0, 2)
    assert import_events(flights, feed, NOW, lambda _: None) == (0, 2, 2)
    feed.close()
    known = {
        number: [
            None if state is None else state.status
            for moment in (at("12:45"), at("12:46"), at("14:59"), at("15:00"))
            for state in [feed.board.state(FlightKey("AA", number, "JFK", "2023-04-20T12:00"), moment)]
        ]
        for number in "12"
    }
    assert known == {"1": [None, "left", "left", "left"], "2": [None, None, None, "cancelled"]}


def test_an_imported_departure_is_the_event_that_the_api_would_have_taken(feed: EventFeed) -> None:
    noon, left = datetime(2023, 4, 20, 12), datetime(2023, 4, 20, 12, 41)
    import_events(flights_of({"scheduled_departure": noon, "departed": left}), feed, NOW, lambda _: None)
    sent = Left(
        airline="AA", flight_number="1", origin="JFK", destination="BOS", scheduled_departure="2023-04-20T12:00",
        at="2023-04-20T12:41", known_at="2023-04-20T12:46",
    )  # fmt: skip
    assert feed.append([read_event(sent, NOW)], NOW, "tower") == 0
    feed.close()


def test_the_command_reads_a_table_and_a_service_that_starts_shows_it(tmp_path: Path) -> None:
    table = made_table(days=3)
    table.write_csv(tmp_path / "flights.csv")
    (tmp_path / "map.toml").write_text(readme_map(), encoding="utf-8")
    words = ["events", "import", str(tmp_path / "flights.csv"), "--map", str(tmp_path / "map.toml"), "--json"]
    words += ["--state", str(tmp_path / "state")]
    printed = [json.loads(CliRunner().invoke(main, words, catch_exceptions=False).stdout) for _ in range(2)]
    assert printed == [
        {"applied": table.height, "unchanged": 0, "silent": 0},
        {"applied": 0, "unchanged": table.height, "silent": 0},
    ]
    feed = EventFeed(tmp_path / "state" / "journal.db")
    feed.rebuild()
    feed.close()
    assert sum(len(board.flights) for board in feed.board.airports.values()) == table.height
