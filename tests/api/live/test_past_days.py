"""History goes on from the journal: a service that was told yesterday's operations predicts from them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from api.conftest import Server, as_requested, running, until
from api.live.test_events import words
from puntual.operations.event_feed import EventFeed
from puntual.operations.event_import import import_events
from puntual.operations.table_events import events_of_table
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle

on = pl.col("scheduled_departure").dt.date()
# A flight that leaves after midnight belongs to the day on which it leaves.
known_on = pl.max_horizontal(on, pl.col("departed").dt.date())


def tell(state: Path, flights: pl.DataFrame) -> None:
    """Put what happened to flights into the journal, which a service may be reading."""
    feed = EventFeed(state / "journal.db")
    import_events(events_of_table(flights), feed, datetime.now(UTC), lambda _: None)
    feed.close()


def answers(server: Server, flights: pl.DataFrame, day: date) -> list[dict[str, Any]]:
    """What the service says at the beginning of a day."""
    body = {"flights": as_requested(flights), "as_of": f"{day}T00:00"}
    found: list[dict[str, Any]] = (
        server.client.post("/predict", json=body).raise_for_status().json()["predictions"]
    )
    return found


@pytest.fixture(scope="module")
def closed(made_bundle: Bundle) -> date:
    return made_bundle.manifest.history_until


def test_yesterday_counts_today_after_a_start_and_when_told_meanwhile(
    bundle_file: Path, made_bundle: Bundle, made_flights: pl.DataFrame, closed: date, tmp_path: Path
) -> None:
    today = closed + timedelta(days=4)
    flights = made_flights.filter(on == today)
    told = [made_flights.filter((on >= closed) & (on < day)) for day in (today - timedelta(days=1), today)]
    predictor, nothing = Predictor(made_bundle), made_flights.clear()
    expected = [
        predictor.predict(flights, past=made_flights.filter(known_on < day), timetable_of=nothing)
        for day in (today - timedelta(days=1), today)
    ]
    tell(tmp_path, told[0])
    with running(*words(bundle_file, tmp_path), poll="0.2") as server:
        first = answers(server, flights, today)
        tell(tmp_path, told[1])
        yesterday = str(today - timedelta(days=1))
        assert until(lambda: answers(server, flights, today)[0]["history_until"] == yesterday)
        second = answers(server, flights, today)
    for rows, predictions, last in zip((first, second), expected, (2, 1), strict=True):
        assert {(row["state"], row["history_until"]) for row in rows} == {
            ("history", str(today - timedelta(days=last)))
        }
        assert [row["late_probability"] for row in rows] == predictions.late_probability.tolist()
    assert first != second


def test_what_comes_of_a_past_day_changes_the_history_within_a_poll(
    bundle_file: Path, made_flights: pl.DataFrame, closed: date, tmp_path: Path
) -> None:
    today = closed + timedelta(days=3)
    flights = made_flights.filter(on == today)
    tell(tmp_path, made_flights.filter((on >= closed) & (on < today)))
    late = made_flights.filter(on == today - timedelta(days=1)).with_columns(
        departed=pl.col("scheduled_departure") + timedelta(hours=4), cancelled=False
    )
    with running(*words(bundle_file, tmp_path), poll="0.2") as server:
        before = answers(server, flights, today)
        tell(tmp_path, late)
        assert until(lambda: answers(server, flights, today) != before)


def test_without_anything_newer_the_timetable_answers_seventy_days_later(
    bundle_file: Path, made_flights: pl.DataFrame, closed: date, tmp_path: Path
) -> None:
    day = closed + timedelta(days=70)
    moved = made_flights.filter(on == closed).with_columns(pl.col("scheduled_departure") + timedelta(days=70))
    with running(*words(bundle_file, tmp_path)) as server:
        rows = answers(server, moved, day)
    assert {(row["state"], row["history_until"]) for row in rows} == {("timetable", None)}
