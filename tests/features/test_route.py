"""Where a flight goes and who flies it."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flights_made import flights_of, make_flights
from puntual.features import route
from puntual.features.from_frame import keys_of
from puntual.features.route import RARE, Vocabulary

codes = st.sampled_from(("JFK", "LAX", "SCL", "LHR", "SYD", "NRT", "ANC", "USH"))


def test_a_domestic_flight_from_new_york_to_los_angeles_heads_west() -> None:
    distance, north, east, international = route.of_route("JFK", "LAX")
    assert distance == pytest.approx(3974, abs=5)
    assert east < -0.9 and abs(north) < 0.2
    assert international == 0.0


def test_a_flight_to_london_crosses_a_border_and_may_be_named_by_icao() -> None:
    assert route.of_route("JFK", "LHR")[3] == 1.0
    assert route.of_route("KJFK", "EGLL") == route.of_route("JFK", "LHR")


def test_a_flight_that_ends_where_it_began_has_no_distance_and_no_bearing() -> None:
    assert route.of_route("JFK", "JFK") == (0.0, 0.0, 0.0, 0.0)


def test_an_airport_that_nobody_lists_has_no_distance_bearing_or_border() -> None:
    assert np.isnan(route.of_route("JFK", "QQQ")).tolist() == [True] * 4
    assert np.isnan(route.of_route("QQQ", "JFK")).tolist() == [True] * 4


@given(codes, codes)
def test_there_is_as_far_as_back_and_no_farther_than_half_round_the_earth(here: str, there: str) -> None:
    out, back = route.of_route(here, there), route.of_route(there, here)
    assert out[0] == pytest.approx(back[0]) and out[0] <= math.pi * 6371.0088
    assert out[3] == back[3]
    if here != there:
        assert math.hypot(out[1], out[2]) == pytest.approx(1.0)


def airlines(**flights: int) -> pl.DataFrame:
    return flights_of(*({"airline": name} for name, count in flights.items() for _ in range(count)))


def test_the_airline_with_most_flights_is_one_and_ties_go_by_name() -> None:
    learnt = route.learn_vocabulary(keys_of(airlines(ZZ=40, CC=31, BB=31)))
    assert learnt.codes["airline"] == {"ZZ": 1, "BB": 2, "CC": 3}


def test_an_airline_seen_rarely_or_never_has_code_zero() -> None:
    learnt = route.learn_vocabulary(keys_of(airlines(AA=RARE, BB=RARE - 1)))
    assert [learnt.code("airline", name) for name in ("AA", "BB", "NEW")] == [1.0, 0.0, 0.0]


def test_a_vocabulary_is_read_back_as_it_was_stored() -> None:
    learnt = route.learn_vocabulary(keys_of(make_flights(days=20)))
    assert len(learnt.codes["destination"]) == 5
    assert route.vocabulary_from(learnt.to_table()) == learnt
    nothing = Vocabulary({kind: {} for kind in route.CODED})
    assert route.vocabulary_from(nothing.to_table()) == nothing
