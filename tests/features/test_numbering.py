"""Ids are numbered in the order in which they come, however many there are."""

import numpy as np
import pytest

from puntual.features.flight_keys import Numbering, category


def test_ids_have_one_number_each_when_there_are_more_of_them_than_room_to_begin_with() -> None:
    ids = np.random.default_rng(0).integers(0, 1 << 63, 5_000, np.uint64)
    numbering = Numbering()
    first, again = numbering.add(ids), numbering.add(ids[::-1].copy())
    assert first.tolist() == list(range(5_000))
    np.testing.assert_array_equal(again[::-1], first)
    np.testing.assert_array_equal(numbering.ids, ids)


def test_ids_that_share_their_first_bits_are_told_apart() -> None:
    ids = np.arange(3_000, dtype=np.uint64)
    assert Numbering().add(ids).tolist() == ids.tolist()


def test_numbers_are_placed_among_the_sorted_ids_and_none_is_last() -> None:
    numbering = Numbering()
    numbers = numbering.add(np.array([7, 5, 7, 9], np.uint64))
    ids, places = numbering.in_order()
    assert ids.tolist() == [5, 7, 9]
    assert places[numbers].tolist() == [1, 0, 1, 2]
    assert places[-1] == -1


@pytest.mark.parametrize("strange", ["", "Ünlü", "日航", "more than eight"])
def test_many_codes_are_told_apart_as_few_are(strange: str) -> None:
    """Short ones as numbers, which stand in the order of the texts."""
    codes = np.array(["LAN", "A", "AA", "9W", "", "lan", strange] * 700)
    many = category(codes)
    values, positions = np.unique(codes, return_inverse=True)
    assert many.values == tuple(values.tolist())
    np.testing.assert_array_equal(many.positions, positions)
