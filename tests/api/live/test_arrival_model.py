"""A model of arrivals answers as one: that a flight has left, or has not, does not settle when it arrives."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from api.conftest import running
from api.live.test_events import send, words
from api.live.test_known_now import EVENTS, ask
from puntual.flights.flight import ARRIVAL_BANDS, Target
from puntual.registry import Bundle, to_bytes


@pytest.fixture(scope="module")
def client(made_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("arrivals")
    manifest = msgspec.structs.replace(made_bundle.manifest, target=Target.ARRIVAL, bands=ARRIVAL_BANDS)
    file = folder / "arrivals.puntual"
    file.write_bytes(to_bytes(replace(made_bundle, manifest=manifest))[1])
    with running(*words(file, folder / "state")) as server:
        assert send(server.client, *EVENTS).raise_for_status().json()["refused"] == []
        yield server.client


def test_the_service_says_what_its_model_predicts(client: httpx.Client) -> None:
    assert client.get("/models/champion").raise_for_status().json()["target"] == "arrival"


def test_a_departure_settles_no_arrival(client: httpx.Client) -> None:
    before, after = ask(client, 1, "08:00"), ask(client, 1, "10:42")
    assert after["status"] == "left"
    assert after["bands"] == before["bands"]


def test_a_flight_that_has_not_left_yet_may_still_arrive_in_time(client: httpx.Client) -> None:
    before, overdue = ask(client, 3, "10:29"), ask(client, 3, "11:10")
    assert overdue["status"] == "overdue"
    assert overdue["bands"] == before["bands"]


def test_a_cancelled_flight_never_arrives(client: httpx.Client) -> None:
    assert ask(client, 2, "09:30")["bands"]["120+"] == 1
