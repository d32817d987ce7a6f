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
from puntual.operations.table_events import events_of_table
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
    assert import_events(events_of_table(flights), feed, NOW, lambda _: None) == (2, 0, 2)
    assert import_events(events_of_table(flights), feed, NOW, lambda _: None) == (0, 2, 2)
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
    flights = flights_of({"scheduled_departure": noon, "departed": left})
    import_events(events_of_table(flights), feed, NOW, lambda _: None)
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
    counts = [json.loads(CliRunner().invoke(main, words, catch_exceptions=False).stdout) for _ in range(2)]
    assert counts == [
        {"applied": table.height, "unchanged": 0, "silent": 0},
        {"applied": 0, "unchanged": table.height, "silent": 0},
    ]
    feed = EventFeed(tmp_path / "state" / "journal.db")
    feed.rebuild()
    feed.close()
    assert sum(len(board.flights) for board in feed.board.airports.values()) == table.height


MAP = """
[flights]
origin = "from"
destination = "to"
scheduled_departure = "std"
scheduled_arrival = "sta"
airline = "carrier"
flight_number = "number"
tail = "registration"
[operation]
departed = "atd"
arrived = "ata"
[weather]
file = "hours.csv"
airport = "station"
observed = "time"
wind_speed = "wind"
"""


def test_landings_tails_and_weather_of_a_mapped_table_are_imported_too(tmp_path: Path) -> None:
    (tmp_path / "flights.csv").write_text(
        "from,to,std,sta,carrier,number,registration,atd,ata\n"
        "JFK,LAX,2023-04-20 12:00,2023-04-20 15:10,AA,1,N1,2023-04-20 12:41,2023-04-20 15:30\n"
    )
    (tmp_path / "hours.csv").write_text("station,time,wind\nJFK,2023-04-20 11:00,12.5\n")
    (tmp_path / "map.toml").write_text(MAP)
    words = ["events", "import", str(tmp_path / "flights.csv"), "--map", str(tmp_path / "map.toml"), "--json"]
    words += ["--state", str(tmp_path / "state"), "--from", "2023-04-20", "--until", "2023-04-21"]
    counts = json.loads(CliRunner().invoke(main, words, catch_exceptions=False).stdout)
    assert counts == {"applied": 4, "unchanged": 0, "silent": 0}
    feed = EventFeed(tmp_path / "state" / "journal.db")
    feed.rebuild()
    feed.close()
    flight = FlightKey("AA", "1", "JFK", "2023-04-20T12:00")
    known = [feed.board.state(flight, at(clock)) for clock in ("00:00", "12:46", "18:34", "18:35")]
    assert [(state.status, state.tail) for state in known if state] == [
        ("scheduled", "N1"), ("left", "N1"), ("left", "N1"), ("arrived", "N1")
    ]  # fmt: skip
    (weather,) = feed.board.airports["JFK"].weather
    assert (weather.known_at, weather.observation) == (at("12:00"), '{"wind_speed":12.5}')
