"""The rows that a history goes on from are held in few bytes, and are the same when they are needed."""

import numpy as np
import pytest

from puntual.features.flight_keys import NAMED
from puntual.features.history import COUNTS, keys_of_rows
from puntual.flights.arrays import Columns
from puntual.prediction.continued_history import pack

ROWS = 5_000


@pytest.fixture
def rows() -> Columns:
    """Rows of a bundle: names of several lengths, days since 1970, and delays of both signs."""
    chance = np.random.default_rng(0)
    names = {
        "origin": ["SCL", "JFK", "SEQU"],
        "airline": ["LA", "H2", "JJ"],
        "destination": ["IQQ", "MIA", "LIM"],
        "flight_number": [str(number) for number in range(1, 400)],
    }
    counts = {
        "flights": chance.integers(1, 4, ROWS),
        "late": chance.integers(0, 4, ROWS),
        "departed": chance.integers(0, 4, ROWS),
        "delay_seconds": chance.integers(-7_200, 40_000, ROWS),
    }
    texts = {name: np.array(values)[chance.integers(0, len(values), ROWS)] for name, values in names.items()}
    return {**texts, "day": chance.integers(17_000, 17_100, ROWS), **counts}


def test_packed_rows_are_the_same_when_they_are_unpacked(rows: Columns) -> None:
    unpacked = pack(rows, keys_of_rows(rows)).unpacked()
    assert unpacked.keys() == rows.keys() == {*NAMED, "day", *COUNTS}
    for name, column in rows.items():
        assert unpacked[name].dtype == column.dtype
        np.testing.assert_array_equal(unpacked[name], column)


def test_packed_rows_take_a_fifth_of_the_memory(rows: Columns) -> None:
    packed = pack(rows, keys_of_rows(rows))
    held = sum(column.nbytes for column in packed.numbers.values())
    assert held < sum(column.nbytes for column in rows.values()) / 5


def test_a_history_without_rows_is_packed_too() -> None:
    nothing = {name: np.empty(0, np.str_) for name in NAMED}
    none = {name: np.empty(0, np.int64) for name in ("day", *COUNTS)}
    unpacked = pack({**nothing, **none}, keys_of_rows({**nothing, **none})).unpacked()
    assert {len(column) for column in unpacked.values()} == {0}
