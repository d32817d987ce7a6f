"""A key has one rate, whichever worker answers it; and flights count."""

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.conftest import FLIGHT, running
from puntual.api.auth.api_keys import KeyStore
from puntual.api.auth.rate_limit import RateLimit
from puntual.api.auth.shared_buckets import NAME, SharedBuckets

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_what_one_worker_takes_another_lacks(tmp_path: Path) -> None:
    first, second = (RateLimit(1, 4, SharedBuckets(tmp_path / NAME)) for _ in range(2))
    waits = [worker.take("tower", 10.0) for worker in (first, second, first, second, first, second)]
    assert waits == [0, 0, 0, 0, 1, 1]
    assert second.take("gate", 10.0) == 0
    assert second.take("tower", 11.0) == 0
    assert first.take("tower", 11.0) == 1


def take_many(path: Path, names: list[str]) -> list[int]:
    limit = RateLimit(1e-9, 500, SharedBuckets(path))
    return [sum(limit.take(name, 1.0) == 0 for _ in range(400)) for name in names]


def test_workers_that_take_at_once_lose_no_count(tmp_path: Path) -> None:
    names = ["tower", "gate"]
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        parts = pool.starmap(take_many, [(tmp_path / NAME, names)] * 3)
    assert [sum(counts) for counts in zip(*parts, strict=True)] == [500, 500]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 2), st.integers(1, 9)), max_size=50))
def test_shared_buckets_hold_what_buckets_of_one_process_do(
    tmp_path_factory: pytest.TempPathFactory, takes: list[tuple[str, float, int]]
) -> None:
    path = tmp_path_factory.mktemp("rates") / NAME
    shared, local, now = RateLimit(2, 5, SharedBuckets(path)), RateLimit(2, 5), 100.0
    for name, pause, cost in takes:
        now += pause
        assert shared.take(name, now, cost) == local.take(name, now, cost)


def test_many_flights_are_many_and_leave_a_debt() -> None:
    limit = RateLimit(rate=10, burst=100)
    assert [limit.take("tower", 0.0), limit.take("tower", 0.0, 1_000, paid=1)] == [0, 0]
    assert limit.take("tower", 89.0) > 0
    assert limit.take("tower", 90.2) == 0


def test_who_waits_as_long_as_told_may_ask_about_as_many() -> None:
    limit = RateLimit(rate=1, burst=100)
    assert [limit.take("tower", 0.0), limit.take("tower", 0.0, 60, paid=1)] == [0, 0]
    assert limit.take("tower", 0.0) == 0
    wait = limit.take("tower", 0.0, 60, paid=1)
    assert wait == pytest.approx(21)
    assert [limit.take("tower", wait), limit.take("tower", wait, 60, paid=1)] == [0, 0]


def statuses(port: int, path: str, key: str, count: int, **request: object) -> list[int]:
    # Each on a connection of its own, so that any worker may take it.
    url = f"http://127.0.0.1:{port}{path}"
    headers = {"x-api-key": key}
    return [httpx.post(url, headers=headers, timeout=60, **request).status_code for _ in range(count)]  # type: ignore[arg-type]


def test_a_key_has_one_rate_over_all_workers_and_flights_count(bundle_file: Path, tmp_path: Path) -> None:
    keys = [KeyStore(tmp_path).create(name, NOON) for name in ("tower", "gate", "apron", "ramp")]
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--workers", "3")
    rows = [FLIGHT] * 7
    with running(*words, rate="0.001", burst="10") as server:
        one = statuses(server.port, "/predict", keys[0], 14, json={"flights": [FLIGHT]})
        assert sorted(one) == [200] * 10 + [429] * 4
        many = statuses(server.port, "/predict", keys[1], 3, json={"flights": rows})
        assert many == [200, 429, 429]
        table = statuses(server.port, "/invocations", keys[2], 3, json={"dataframe_records": rows})
        assert table == [200, 429, 429]
        assert statuses(server.port, "/predict", keys[3], 1, json={"flights": [FLIGHT] * 1_000}) == [200]
        assert statuses(server.port, "/predict", keys[3], 1, json={"flights": [FLIGHT]}) == [429]
