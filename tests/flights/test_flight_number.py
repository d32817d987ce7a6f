"""A flight number is written in one way, wherever it comes from, so that its history is found."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.flights.flight_number import CLEAN, clean_flight_number
from puntual.sources.flight_numbers import clean_flight_numbers


@pytest.mark.parametrize(
    ("written", "airline", "clean"),
    [
        ("527", "B6", "527"),
        ("0527", "B6", "527"),
        ("527.0", "B6", "527"),
        ("B6527", "B6", "527"),
        ("b6-0527", "b6", "527"),
        ("B6 527", " B6 ", "527"),
        ("989p", "SKU", "989P"),
        ("SKU989P", "SKU", "989P"),
        ("000", "B6", "0"),
        ("9E3456", "9E", "3456"),
    ],
)
def test_what_is_certain_is_written_in_the_one_way(written: str, airline: str, clean: str) -> None:
    assert clean_flight_number(written, airline) == clean


@pytest.mark.parametrize(
    ("written", "airline"),
    [
        ("989P", "SKU"),
        ("AA527", "B6"),
        ("B6527", None),
        ("B6", "B6"),
        ("9E", "9E"),
        ("1527", "1"),
        ("527.5", "B6"),
        ("N123AB", "N1"),
        ("", "B6"),
        ("٥٢٧", "B6"),
        ("A5", "A"),
    ],
)
def test_what_is_not_certain_stays(written: str, airline: str | None) -> None:
    assert clean_flight_number(written, airline) == written


numbers = st.none() | st.text("0123456789AB6.- ", max_size=6) | st.from_regex(CLEAN, fullmatch=True)


@given(st.lists(st.tuples(numbers, st.none() | st.sampled_from(["B6", "AA", "9E", "6"])), max_size=20))
def test_a_column_is_cleaned_as_each_of_its_numbers_is(flights: list[tuple[str | None, str | None]]) -> None:
    written, airlines = (
        pl.Series(name, [flight[place] for flight in flights], pl.String) for place, name in enumerate("ab")
    )
    cleaned = clean_flight_numbers(written, airlines).to_list()
    # What people write around a number is taken off before, by all readers.
    for (number, airline), clean in zip(flights, cleaned, strict=True):
        assert clean == (None if number is None else clean_flight_number(number, airline))
