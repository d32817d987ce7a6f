"""A board is followed: whole at first, then what changes, until the service or the key ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest

from api.conftest import NOON, Server, running
from api.live.test_events import send
from puntual.api.auth.api_keys import KeyStore

NOW = datetime.now(ZoneInfo("America/New_York"))


def clock(minutes: int) -> str:
    return (NOW + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat(timespec="minutes")


def flight(number: int, minutes: int) -> dict[str, str]:
    return {
        "airline": "AA",
        "flight_number": str(number),
        "origin": "JFK",
        "destination": "MIA",
        "scheduled_departure": clock(minutes),
    }


@pytest.fixture
def followed(bundle_file: Path, tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A service of two flights whose client holds a key, and another key."""
    key, other = (KeyStore(tmp_path).create(name, NOON) for name in ("tower", "ground"))
    with running("--bundle", str(bundle_file), "--state", str(tmp_path), drain="20") as server:
        server.client.headers["x-api-key"] = key
        server.client.put("/timetable", json=[flight(1, 60), flight(2, 120)]).raise_for_status()
        yield server, other


@contextmanager
def follow(server: Server, key: str, **params: str) -> Iterator[httpx.Response]:
    with (
        httpx.Client(base_url=server.url, timeout=60, headers={"x-api-key": key}) as reader,
        reader.stream("GET", "/flights/stream", params={"airport": "JFK"} | params) as answer,
    ):
        yield answer


def parts_of(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    lines = answer.iter_lines()
    for line in lines:
        if line.startswith("event: "):
            yield line.removeprefix("event: "), msgspec.json.decode(next(lines).removeprefix("data: "))


def numbers(part: Any) -> list[str]:
    return [flight["flight_number"] for flight in part["flights"]]


def test_all_flights_come_first_and_then_those_that_change(followed: tuple[Server, str]) -> None:
    server, key = followed
    with follow(server, key, reasons="1") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = parts_of(answer)
        name, first = next(parts)
        assert (name, first["airport"], numbers(first)) == ("flights", "JFK", ["1", "2"])
        assert sum("reasons" in flight["prediction"] for flight in first["flights"]) == 1
        expected = {
            "kind": "expected",
            **flight(2, 120),
            "expected_departure": clock(150),
            "known_at": datetime.now(UTC).isoformat(),
        }
        assert send(server.client, expected).json()["applied"] == 1
        _, second = next(parts)
        assert "2" in numbers(second)
        assert second["flights"][-1]["expected_departure"] == clock(150)
        mark = {"kind": "acknowledged", **flight(1, 60)}
        del mark["destination"]
        server.client.post("/flights/marks", json=mark).raise_for_status()
        _, third = next(parts)
        assert numbers(third) == ["1"]
        assert third["flights"][0]["marks"]["acknowledged_by"] == "tower"


def test_a_stream_ends_with_its_key_and_with_the_service(
    followed: tuple[Server, str], tmp_path: Path
) -> None:
    server, other = followed
    with follow(server, "nonsense") as answer:
        assert answer.status_code == 401
    with follow(server, other) as answer:
        parts = parts_of(answer)
        assert next(parts)[0] == "flights"
        KeyStore(tmp_path).revoke("ground")
        refusals = (problem for name, problem in parts if name == "refused")
        assert next(refusals)["status"] == 401
    with follow(server, server.client.headers["x-api-key"]) as answer:
        parts = parts_of(answer)
        assert next(parts)[0] == "flights"
        server.process.terminate()
        # Were it not ended, the service would wait for it until its drain is over, and cut it off.
        assert list(parts) == []


def test_an_airport_that_is_none_is_refused_before_a_stream_begins(client: httpx.Client) -> None:
    answer = client.get("/flights/stream", params={"airport": "Atlantis"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
