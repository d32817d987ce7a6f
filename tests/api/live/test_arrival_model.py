"""A model of arrivals answers as one: that a flight has left, or has not, does not settle when it arrives."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import httpx
import msgspec
import polars as pl
import pytest

from api.conftest import running, until
from api.live.test_events import FLIGHT, send, words
from api.live.test_known_now import EVENTS, ask
from api.live.test_past_days import tell
from arrivals_made import with_arrivals
from puntual.flights.flight import ARRIVAL_BANDS, Target
from puntual.registry import Bundle, to_bytes
from puntual.sources import toward


@pytest.fixture(scope="module")
def arrivals_file(made_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    manifest = msgspec.structs.replace(made_bundle.manifest, target=Target.ARRIVAL, bands=ARRIVAL_BANDS)
    file: Path = tmp_path_factory.mktemp("arrivals") / "arrivals.puntual"
    file.write_bytes(to_bytes(replace(made_bundle, manifest=manifest))[1])
    return file


@pytest.fixture(scope="module")
def client(arrivals_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(*words(arrivals_file, tmp_path_factory.mktemp("state"))) as server:
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


def test_its_history_goes_on_from_landings_and_not_from_departures(
    arrivals_file: Path, made_flights: pl.DataFrame, made_bundle: Bundle, tmp_path: Path
) -> None:
    closed = made_bundle.manifest.history_until
    last, today = (str(closed + timedelta(days=ahead)) for ahead in (1, 2))
    yesterday = made_flights.filter(pl.col("scheduled_departure").dt.date() == date.fromisoformat(last))
    with running(*words(arrivals_file, tmp_path), poll="0.2") as server:

        def history_until() -> str:
            body = {
                "flights": [FLIGHT | {"scheduled_departure": f"{today}T10:30"}],
                "as_of": f"{today}T00:00",
            }
            (answer,) = server.client.post("/predict", json=body).raise_for_status().json()["predictions"]
            return str(answer["history_until"])

        tell(tmp_path, yesterday)
        assert until(lambda: server.metric("puntual_history_events") > 0)
        assert history_until() == str(closed)
        landed = toward(with_arrivals(yesterday), Target.ARRIVAL)
        tell(tmp_path, landed)
        assert until(lambda: history_until() == last)
