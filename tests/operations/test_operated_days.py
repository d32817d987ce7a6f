"""What flights did on days past is read from the journal as the board would take it, and a bundle's history goes on."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.events_made import NOW, event, numbered
from puntual.features.history import NOBODY, OperatedFlights
from puntual.flights.flight import LateRule
from puntual.operations.board import _order, state_of
from puntual.operations.event import KnownEvent
from puntual.operations.event_feed import EventFeed
from puntual.operations.event_import import import_events
from puntual.operations.operated_days import OperatedDays
from puntual.operations.outcome_database import OutcomeDatabase
from puntual.operations.table_events import events_of_table
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle
from puntual.training.dataset import Dataset

EPOCH = date(1970, 1, 1)
THIRD = (date(2013, 10, 3) - EPOCH).days
LATER = THIRD + 30
SCHEDULED = pl.col("scheduled_departure")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """A journal in a file of SQLite, and one in a PostgreSQL."""
    if request.param == "sqlite":
        return tmp_path / "journal.db"
    url: str = request.getfixturevalue("postgresql")
    return url


def append(place: str | Path, *events: KnownEvent) -> None:
    feed = EventFeed(place)
    feed.append(events, NOW, "tower")
    feed.close()


def outcomes(flights: OperatedFlights) -> dict[str, tuple[str, int]]:
    """Of each flight by its number where it went, and its delay in seconds or that it was cancelled."""
    delays = np.where(flights.cancelled, -1, flights.delay_seconds).tolist()
    named = (flights.named[name].tolist() for name in ("flight_number", "destination"))
    return {number: (to, delay) for number, to, delay in zip(*named, delays, strict=True)}


clocks = st.integers(0, 50).map(lambda minute: f"06:{minute:02}")
news = st.tuples(
    st.sampled_from(["left", "arrived", "cancelled", "tail"]), clocks, clocks, st.sampled_from(["IAH", "DFW"])
)


def told(number: int, kind: str, at: str, known: str, destination: str) -> KnownEvent:
    fields = {"at": min(at, known)} if kind in ("left", "arrived") else {}
    fields |= {"tail": "N1"} if kind == "tail" else {}
    return event(kind, known, flight_number=str(number), destination=destination, **fields)


@settings(max_examples=25)
@given(st.lists(st.lists(news, min_size=1, max_size=5), min_size=1, max_size=4))
def test_of_contradicting_events_those_count_that_the_board_takes(
    tmp_path_factory: pytest.TempPathFactory, flights: list[list[tuple[str, str, str, str]]]
) -> None:
    place = tmp_path_factory.mktemp("journal") / "journal.db"
    events = [[told(number, *one) for one in those] for number, those in enumerate(flights)]
    append(place, *(one for those in events for one in those))
    database = OutcomeDatabase(place)
    read = outcomes(database.read(THIRD, THIRD))
    database.close()
    expected = {}
    for number, those in enumerate(events):
        state = state_of(sorted(set(those), key=_order), NOW)
        assert state is not None
        if state.status == "cancelled":
            expected[str(number)] = -1
        elif state.left_at is not None:
            expected[str(number)] = int((state.left_at - state.departs).total_seconds())
    assert {number: delay for number, (_, delay) in read.items()} == expected


def test_a_day_is_read_once_and_again_when_news_of_it_comes(place: str | Path) -> None:
    append(place, numbered(1), event("cancelled", "06:00", flight_number="2", destination="DFW"))
    days = OperatedDays(place)
    assert [days.refresh(0, LATER), days.refresh(0, LATER)] == [True, False]
    assert outcomes(days.flights()) == {"1": ("IAH", 120), "2": ("DFW", -1)}
    days._not_before = 0.0
    append(place, event("left", "07:00", at="06:55", flight_number="2", destination="DFW"))
    assert [days.refresh(0, LATER), days.refresh(0, LATER)] == [True, False]
    assert outcomes(days.flights()) == {"1": ("IAH", 120), "2": ("DFW", 6_000)}
    days.close()


def test_a_day_that_is_not_over_is_not_read_and_one_that_a_bundle_has_is_left_out(place: str | Path) -> None:
    append(place, numbered(1))
    days = OperatedDays(place)
    assert not days.refresh(0, THIRD)
    assert days.refresh(0, THIRD + 1)
    # A flight may leave, and so count, days after its schedule.
    assert not days.refresh(THIRD + 7, THIRD + 9)
    assert days.refresh(THIRD + 8, THIRD + 9)
    assert len(days.flights().scheduled) == 0
    days.close()


def test_a_landing_alone_says_nothing_of_how_late_a_flight_left(tmp_path: Path) -> None:
    place = tmp_path / "journal.db"
    append(place, event("arrived", "09:00", at="08:30"))
    days = OperatedDays(place)
    assert days.refresh(0, LATER)
    assert outcomes(days.flights()) == {}
    days.close()


def test_a_journal_that_was_put_in_the_place_of_another_is_read_from_its_beginning(tmp_path: Path) -> None:
    place, other = tmp_path / "journal.db", tmp_path / "other.db"
    append(place, numbered(1), numbered(2), numbered(3))
    append(
        other, event("left", "05:30", at="05:29", scheduled_departure="2013-10-04T05:15", flight_number="4")
    )
    days = OperatedDays(place)
    assert days.refresh(0, LATER)
    days._not_before = 0.0
    other.replace(place)
    assert days.refresh(0, LATER)
    assert list(outcomes(days.flights())) == ["4"]
    days.close()


def test_a_journal_that_is_away_leaves_what_was_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "journal.db"
    days = OperatedDays(place)
    assert not days.refresh(0, LATER)
    append(place, numbered(1))
    assert days.refresh(0, LATER)
    place.unlink()
    place.mkdir()
    assert [days.refresh(0, LATER), days.refresh(0, LATER)] == [False, False]
    assert "past days cannot be read" in caplog.text and len(caplog.records) == 1
    assert len(days.flights().scheduled) == 1
    days.close()


class Told:
    """A journal with the operations of made flights, for a bundle that was closed before them."""

    def __init__(self, bundle: Bundle, flights: pl.DataFrame, place: Path) -> None:
        self.predictor, self.flights = Predictor(bundle), flights
        self.closed = bundle.manifest.history_until
        feed = EventFeed(place)
        import_events(events_of_table(flights), feed, datetime(2026, 1, 1, tzinfo=UTC), lambda _: None)
        feed.close()
        self.days = OperatedDays(place)
        assert self.days.refresh((self.closed - EPOCH).days, (date(2026, 1, 1) - EPOCH).days)

    def until(self, day: date) -> Predictor:
        """The predictor as it is on a day, at all airports."""
        return self.predictor.continued(
            self.days.flights(), dict.fromkeys(("JFK", "EWR"), (day - EPOCH).days)
        )

    def vectors(self, predictor: Predictor, day: date) -> np.ndarray:
        flights = self.flights.filter(SCHEDULED.dt.date() == day)
        return predictor.vectors_of(flights, timetable_of=self.flights)


@pytest.fixture
def make_told(made_bundle: Bundle, tmp_path: Path) -> Callable[[pl.DataFrame], Told]:
    return lambda flights: Told(made_bundle, flights, tmp_path / "journal.db")


def test_a_vector_is_what_training_makes_of_a_table_that_goes_on_to_yesterday(
    made_flights: pl.DataFrame, make_told: Callable[[pl.DataFrame], Told]
) -> None:
    told = make_told(made_flights)
    dataset = Dataset(made_flights, LateRule.FROM_15)
    for ahead in (1, 2, 9):
        day = told.closed + timedelta(days=ahead)
        rows = np.flatnonzero((made_flights["scheduled_departure"].dt.date() == day).to_numpy())
        learnt = dataset.learn(np.arange(np.flatnonzero(dataset.keys.day > (told.closed - EPOCH).days)[0]))
        training, live = learnt.full(rows), told.vectors(told.until(day), day)
        np.testing.assert_array_equal(live, training)
        assert ahead == 1 or not np.array_equal(live, told.vectors(told.predictor, day))
    (until,) = set(told.until(day).predict(made_flights[rows]).history_until.tolist())
    assert until == (day - EPOCH).days - 1


def test_what_comes_after_a_day_changes_nothing_of_what_was_known_of_it_a_week_ago(
    made_flights: pl.DataFrame, make_told: Callable[[pl.DataFrame], Told]
) -> None:
    told = make_told(made_flights)
    day = told.closed + timedelta(days=2)
    then, later = (told.vectors(told.until(day + timedelta(days=ahead)), day) for ahead in (0, 7))
    np.testing.assert_array_equal(then, later)


def test_a_day_of_which_the_journal_holds_little_is_left_out(
    made_flights: pl.DataFrame, make_told: Callable[[pl.DataFrame], Told], made_bundle: Bundle
) -> None:
    first = made_bundle.manifest.history_until + timedelta(days=1)
    some = made_flights.filter((SCHEDULED.dt.date() != first) | (SCHEDULED.dt.hour() < 9))
    told = make_told(some)
    counted = told.until(first + timedelta(days=1))._lookups.history
    assert counted.end == (first - EPOCH).days
    assert told.until(first + timedelta(days=2))._lookups.history.end == (first - EPOCH).days + 2


def test_days_that_are_not_over_and_airports_that_no_model_knows_do_not_count(
    made_flights: pl.DataFrame, make_told: Callable[[pl.DataFrame], Told]
) -> None:
    told = make_told(made_flights)
    day = told.closed + timedelta(days=3)
    alone = told.predictor.continued(told.days.flights(), {"JFK": (day - EPOCH).days})
    both = told.until(day)
    assert alone._lookups.history.end == both._lookups.history.end == (day - EPOCH).days
    jfk, every = (one.vectors_of(made_flights[-50:], timetable_of=made_flights) for one in (alone, both))
    assert not np.array_equal(jfk, every)


def test_with_nothing_newer_than_seventy_days_history_is_missing_and_not_stale(
    made_flights: pl.DataFrame, made_bundle: Bundle
) -> None:
    predictor = Predictor(made_bundle).continued(NOBODY, {"JFK": 100_000, "EWR": 100_000})
    moved = timedelta(days=70)
    later = made_flights[-200:].with_columns(SCHEDULED + moved, pl.col("departed") + moved)
    predictions = predictor.predict(later)
    assert set(predictions.history_until.tolist()) == {-1}
