"""Flights are cut so that a test never precedes what was learnt from."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puntual.errors import NotEnoughFlightsError
from puntual.evaluation.splits import Split, rolling_origins, split_by_time, split_stratified

counts_by_day = st.lists(st.integers(0, 60), min_size=30, max_size=60).filter(lambda days: sum(days) >= 1200)


def scheduled_on(days: list[int]) -> pl.Series:
    """Give sorted scheduled departures: so many flights on each day, ten minutes apart from midnight on."""
    first = datetime(2023, 1, 1)
    return pl.Series(
        [
            first + timedelta(days=day, minutes=10 * place)
            for day, count in enumerate(days)
            for place in range(count)
        ],
        dtype=pl.Datetime("us"),
    )


def whole(split: Split, count: int) -> bool:
    parts = np.concatenate([split.train, split.validation, split.test])
    return np.array_equal(np.sort(parts), np.arange(count))


@settings(max_examples=50, deadline=None)
@given(counts_by_day)
def test_no_test_flight_precedes_a_training_one(days: list[int]) -> None:
    scheduled = scheduled_on(days)
    split = split_by_time(scheduled)
    latest, earliest = (scheduled.gather(part) for part in (split.before_test, split.test))
    assert latest.max() < earliest.min()
    assert scheduled.gather(split.train).max() < scheduled.gather(split.validation).min()
    # A cut falls at midnight: no day is on both sides of it.
    assert latest.max().date() < earliest.min().date()
    assert whole(split, len(scheduled))


def test_seventy_fifteen_and_fifteen_percent_of_even_days() -> None:
    split = split_by_time(scheduled_on([20] * 100))
    assert [len(part) for part in (split.train, split.validation, split.test)] == [1400, 300, 300]


def test_too_few_flights_for_a_test_are_refused() -> None:
    with pytest.raises(NotEnoughFlightsError, match=r"^100 operated flights .* expected at least 500"):
        split_by_time(scheduled_on([1] * 100))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), late=st.floats(0.05, 0.6))
def test_every_band_has_its_share_of_each_stratified_part(seed: int, late: float) -> None:
    chance = np.random.default_rng(seed)
    bands = chance.choice(5, 2000, p=[1 - late, *([late / 4] * 4)]).astype(np.int8)
    split = split_stratified(bands, seed)
    assert whole(split, len(bands))
    for band in range(5):
        count = (bands == band).sum()
        for part, share in ((split.train, 0.7), (split.validation, 0.15), (split.test, 0.15)):
            assert abs((bands[part] == band).sum() - share * count) <= 1


def test_a_stratified_split_mixes_days_and_its_seed_repeats_it() -> None:
    bands = np.tile(np.array([0, 0, 0, 1], np.int8), 500)
    first, again, other = split_stratified(bands, 1), split_stratified(bands, 1), split_stratified(bands, 2)
    assert first.test.min() < first.train.max()
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


@settings(max_examples=50, deadline=None)
@given(days=counts_by_day, shares=st.sets(st.floats(0.1, 0.95), min_size=1, max_size=5))
def test_a_rolling_origin_never_looks_ahead(days: list[int], shares: set[float]) -> None:
    scheduled = scheduled_on(days)
    rows = split_by_time(scheduled).before_test
    blocks = list(rolling_origins(scheduled, rows, tuple(sorted(shares))))
    for before, after in blocks:
        assert scheduled.gather(before).max().date() < scheduled.gather(after).min().date()
        assert set(after.tolist()) <= set(rows.tolist())
    tested = np.concatenate([after for _, after in blocks])
    assert len(tested) == len(set(tested.tolist())), "no flight is tested twice"
    assert tested[-1] == rows[-1]
