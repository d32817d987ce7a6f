"""Flights shared out among threads are each done once, and to the same bits."""

import numpy as np
import pytest

from flights_made import make_flights
from puntual.flights.flight import LateRule
from puntual.storage import scratch
from puntual.training.dataset import Dataset


def test_every_flight_is_in_one_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SHARE", 10)
    monkeypatch.setattr(scratch, "threads", lambda: 3)
    for flights in (0, 1, 19, 20, 1_000):
        shares: list[slice] = []
        scratch.in_shares(flights, shares.append)
        done = [
            row for share in sorted(shares, key=lambda share: share.start) for row in range(flights)[share]
        ]
        assert done == list(range(flights))


def test_what_fails_in_a_share_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(part: slice) -> None:
        if part.stop > 50:
            raise LookupError(part)

    monkeypatch.setattr(scratch, "SHARE", 10)
    monkeypatch.setattr(scratch, "threads", lambda: 2)
    with pytest.raises(LookupError):
        scratch.in_shares(100, fail)


@pytest.mark.parametrize(("variable", "most"), [("1", 1), ("", None), ("0", None), ("several", None)])
def test_no_more_threads_are_used_than_omp_num_threads_allows(
    variable: str, most: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    every = scratch.threads()
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert scratch.threads() == (most or every)


def test_vectors_made_by_several_threads_have_the_bits_of_those_made_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = Dataset(make_flights(days=70, per_day=5), LateRule.FROM_15)
    vectors, rows = dataset.learn(np.arange(200)), np.arange(350)
    monkeypatch.setattr(scratch, "SHARE", 16)
    monkeypatch.setattr(scratch, "threads", lambda: 4)
    shared = vectors.full(rows)
    one_by_one = np.concatenate([vectors.full(rows[row : row + 1]) for row in rows])
    np.testing.assert_array_equal(shared.view(np.uint32), one_by_one.view(np.uint32))
    for row in (0, 1, 100, 349):
        (alone,) = dataset.uncoded_of(dataset.keys.take(np.array([row])))
        np.testing.assert_array_equal(dataset.uncoded[row].view(np.uint32), alone.view(np.uint32))
