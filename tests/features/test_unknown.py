"""What is not known of a flight makes NaN of every feature that it has a part in, and moves no other."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flights_made import AIRLINES, make_flights
from puntual.features import route, timetable
from puntual.features.flight_keys import UNKNOWABLE
from puntual.features.from_frame import keys_of, operations_of
from puntual.features.history import build_history
from puntual.features.vector import COLUMNS, Lookups, Matrix, columns_made_of, vectorise
from puntual.flights.flight import LateRule

# Some left out at random, so that no day is like another.
FLIGHTS = make_flights(days=100, per_day=16).sample(fraction=0.8, seed=0).sort("scheduled_departure")
KEYS = keys_of(FLIGHTS)
LOOKUPS = Lookups(
    route.learn_vocabulary(KEYS),
    timetable.typical_timetable(timetable.usual_departures(KEYS)),
    build_history(operations_of(FLIGHTS, LateRule.FROM_15)),
)
DAY = timedelta(days=1)
# Another value for each field, which a flight may take instead of its own.
OTHERS = {
    "airline": st.sampled_from([*AIRLINES, "ZZ"]),
    "flight_number": st.sampled_from([str(number) for number in range(100, 118)]),
    "destination": st.sampled_from(["BOS", "LAX", "LHR", "MIA", "ORD", "SCL", "JFK"]),
    "scheduled_departure": st.datetimes(
        FLIGHTS["scheduled_departure"].min(), FLIGHTS["scheduled_departure"].max()
    ),
}


def vectors(flights: pl.DataFrame, *, known: bool) -> Matrix:
    keys = keys_of(flights)
    return vectorise(keys, LOOKUPS, timetable.known_timetable(KEYS), np.full(len(keys), known), keys.day)


def same_bits(one: Matrix, other: Matrix) -> None:
    np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


@pytest.fixture(params=[True, False], ids=["known timetable", "typical week"])
def known(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def some() -> pl.DataFrame:
    return FLIGHTS.sample(200, seed=4)


@pytest.mark.parametrize("field", UNKNOWABLE)
def test_the_rest_of_the_vector_is_that_of_the_whole_flight_to_the_bit(
    some: pl.DataFrame, known: bool, field: str
) -> None:
    whole, partial = vectors(some, known=known), vectors(without(some, field), known=known)
    gone = columns_made_of(field)
    assert np.isnan(partial[:, gone]).all()
    kept = np.setdiff1d(np.arange(len(COLUMNS)), gone)
    same_bits(partial[:, kept], whole[:, kept])


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(UNKNOWABLE), st.integers(0, FLIGHTS.height - 1), st.booleans())
def test_no_value_of_an_unknown_field_moves_what_is_left(
    data: st.DataObject, field: str, row: int, known: bool
) -> None:
    flight = FLIGHTS[row]
    dtype = FLIGHTS.schema[field]
    other = flight.with_columns(pl.lit(data.draw(OTHERS[field]), dtype).alias(field))
    one, two = vectors(flight, known=known), vectors(other, known=known)
    moved = {COLUMNS[place] for place in np.flatnonzero((one.view(np.uint32) != two.view(np.uint32))[0])}
    assert moved <= {COLUMNS[place] for place in columns_made_of(field)}
    same_bits(vectors(without(flight, field), known=known), vectors(without(other, field), known=known))


def test_every_feature_that_is_made_nan_is_one_that_the_field_can_move(known: bool) -> None:
    """So that no more is thrown away than must be."""
    drawn = {
        "airline": ["UA", "ZZ"],
        "flight_number": ["100", "9999"],
        "destination": ["LHR", "SCL"],
        "scheduled_departure": list(_moments()),
    }
    for field, values in drawn.items():
        dtype = FLIGHTS.schema[field]
        base = FLIGHTS.filter(pl.col("scheduled_departure").dt.date() > date(2023, 3, 10))[::3]
        changed = np.zeros(len(COLUMNS), bool)
        for value in values:
            other = base.with_columns(pl.lit(value, dtype).alias(field))
            one, two = vectors(base, known=known), vectors(other, known=known)
            changed |= (one.view(np.uint32) != two.view(np.uint32)).any(axis=0)
        assert {COLUMNS[place] for place in columns_made_of(field)} == {
            COLUMNS[place] for place in np.flatnonzero(changed)
        }


def test_complete_flights_beside_partial_ones_get_their_own_bits(some: pl.DataFrame, known: bool) -> None:
    mixed = pl.concat([some, *(without(some[:5], field) for field in UNKNOWABLE)])
    same_bits(vectors(mixed, known=known)[: some.height], vectors(some, known=known))


def test_of_nothing_but_the_airport_only_the_airport_is_left(some: pl.DataFrame, known: bool) -> None:
    left = ~np.isnan(vectors(without(some, *UNKNOWABLE), known=known)).all(axis=0)
    assert [COLUMNS[place] for place in np.flatnonzero(left)] == ["origin_code"]


def test_the_month_alone_gives_the_features_of_the_month(some: pl.DataFrame) -> None:
    months = some["scheduled_departure"].dt.month()
    partial = without(some, "scheduled_departure").with_columns(month=months)
    whole, of_month = vectors(some, known=False), vectors(partial, known=False)
    for name, place in ((name, COLUMNS.index(name)) for name in ("month_sin", "month_cos", "weekday_sin")):
        if name.startswith("month"):
            same_bits(of_month[:, [place]], whole[:, [place]])
        else:
            assert np.isnan(of_month[:, place]).all()


def test_the_month_of_a_flight_with_a_date_is_that_of_its_date(some: pl.DataFrame) -> None:
    given = without(some, "airline").with_columns(month=pl.lit(12), international=pl.lit(1.0))
    same_bits(vectors(given, known=False), vectors(without(some, "airline"), known=False))


def test_a_border_that_is_told_is_known_without_a_destination(some: pl.DataFrame) -> None:
    place = COLUMNS.index("international")
    for border in (1.0, 0.0):
        given = without(some, "destination").with_columns(international=pl.lit(border))
        assert (vectors(given, known=False)[:, place] == border).all()


def test_a_flight_without_a_date_is_no_part_of_a_timetable(some: pl.DataFrame) -> None:
    keys = keys_of(pl.concat([some, without(some, "scheduled_departure")]))
    both, one = timetable.known_timetable(keys), timetable.known_timetable(keys_of(some))
    np.testing.assert_array_equal(both.departures.line, one.departures.line)


def without(flights: pl.DataFrame, *fields: str) -> pl.DataFrame:
    return flights.with_columns(pl.lit(None, FLIGHTS.schema[name]).alias(name) for name in fields)


def _moments() -> Iterator[object]:
    first = FLIGHTS["scheduled_departure"].min()
    # The second is Presidents' Day.
    yield from (first + 3 * DAY, first + 49 * DAY + timedelta(minutes=337), first + 95 * DAY)
