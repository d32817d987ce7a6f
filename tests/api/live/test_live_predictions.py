"""What a feed tells as the day unfolds counts in the next prediction, and is what training would have made of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

from api.conftest import running
from api.live.test_events import send
from api.live.unfolding import LATE_DAY, unfolding_flights, unfolding_registry
from puntual.features.from_frame import keys_of
from puntual.flights.flight import LateRule
from puntual.flights.operations import CANCELLATION_KNOWN_AFTER, KNOWN_AFTER
from puntual.prediction.predictor import Predictor
from puntual.training.live_vectors import LiveFlights

__all__ = ["unfolding_registry"]
FLIGHTS = unfolding_flights()
# In minutes; at these airports a flight leaves every half an hour or so.
MAX_AGE = 180
NOON = datetime.combine(LATE_DAY, datetime.min.time()) + timedelta(hours=12)
OF_THE_DAY = FLIGHTS.filter(pl.col("scheduled_departure").dt.date() == LATE_DAY)


@pytest.fixture(scope="module")
def predictor(unfolding_registry: Path) -> Predictor:
    (bundle,) = unfolding_registry.glob("*.puntual")
    return Predictor.load(version=str(bundle))


@pytest.fixture(scope="module")
def client(
    unfolding_registry: Path, predictor: Predictor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A service that knows the timetable of the day and what had happened by noon of the day, in two batches."""
    bundle, state = predictor.bundle.version, str(tmp_path_factory.mktemp("state"))
    words = ("--registry", str(unfolding_registry), "--bundle", bundle, "--state", state, "--no-auth")
    with running(*words, live_max_age=str(MAX_AGE)) as server:
        put = server.client.put(
            "/timetable", json=[named(flight) for flight in OF_THE_DAY.iter_rows(named=True)]
        )
        put.raise_for_status()
        events = sorted(events_until(NOON), key=lambda event: event["known_at"])
        for half in (events[: len(events) // 2], events[len(events) // 2 :]):
            assert send(server.client, *half).raise_for_status().json()["refused"] == []
        yield server.client


def named(flight: dict[str, Any]) -> dict[str, str]:
    names = ("airline", "flight_number", "origin", "destination")
    return {name: flight[name] for name in names} | {
        "scheduled_departure": text(flight["scheduled_departure"])
    }


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


def events_until(moment: datetime) -> Iterator[dict[str, str]]:
    """What was known of the flights of the day and the day before at a moment, as a feed tells it."""
    day_before = FLIGHTS.filter(pl.col("scheduled_departure").dt.date() == LATE_DAY - timedelta(days=1))
    for flight in pl.concat([day_before, OF_THE_DAY]).iter_rows(named=True):
        scheduled, left = flight["scheduled_departure"], flight["departed"]
        known = scheduled + timedelta(minutes=CANCELLATION_KNOWN_AFTER)
        if left is not None:
            known = left + timedelta(minutes=KNOWN_AFTER)
        news = {"kind": "left", "at": text(left)} if left else {"kind": "cancelled"}
        if known <= moment:
            yield named(flight) | news | {"known_at": text(known)}
        early = text(scheduled - timedelta(hours=20))
        yield named(flight) | {"kind": "tail", "tail": flight["tail"], "known_at": early}


def ask(client: httpx.Client, flight: dict[str, Any], as_of: datetime, **fields: Any) -> dict[str, Any]:
    body = {"flights": [named(flight)], "as_of": text(as_of)} | fields
    answer: dict[str, Any] = client.post("/predict", json=body).raise_for_status().json()
    (prediction,) = answer["predictions"]
    assert sum(prediction["bands"].values()) == pytest.approx(1)
    return prediction


def afternoon() -> list[dict[str, Any]]:
    return list(
        OF_THE_DAY.filter(pl.col("scheduled_departure") >= NOON + timedelta(minutes=30)).iter_rows(named=True)
    )


def test_a_morning_of_late_flights_makes_the_afternoons_likelier_late(client: httpx.Client) -> None:
    flight = afternoon()[0]
    evening_before = ask(client, flight, NOON - timedelta(hours=40))
    now = ask(client, flight, NOON)
    assert (evening_before["state"], now["state"]) == ("history", "live")
    assert now["late_probability"] > evening_before["late_probability"] + 0.2
    assert now["data_age_seconds"] < 3_600


def test_served_probabilities_are_those_of_training_s_own_columns(
    client: httpx.Client, predictor: Predictor
) -> None:
    table = LiveFlights(keys_of(FLIGHTS), FLIGHTS, LateRule.FROM_15)
    scheduled = FLIGHTS["scheduled_departure"]
    rows = np.flatnonzero((scheduled.dt.date() == LATE_DAY).to_numpy() & (scheduled > NOON).to_numpy())
    horizon = (scheduled.to_numpy()[rows] - np.datetime64(NOON)) // np.timedelta64(1, "m")
    live = table.columns(rows, horizon.astype(np.int64), predictor.turns)
    offline = predictor.predict(FLIGHTS[rows], timetable_of=OF_THE_DAY, live=live)
    body = {"as_of": text(NOON), "flights": [named(flight) for flight in FLIGHTS[rows].iter_rows(named=True)]}
    online = client.post("/predict", json=body).raise_for_status().json()["predictions"]
    assert {prediction["state"] for prediction in online} == {"live"}
    assert [prediction["late_probability"] for prediction in online] == offline.late_probability.tolist()


def test_what_is_known_later_counts_in_no_earlier_prediction(client: httpx.Client) -> None:
    flight = afternoon()[-1]
    before = ask(client, flight, NOON - timedelta(minutes=30))
    later = [
        {"kind": "cancelled", "known_at": text(NOON - timedelta(minutes=20))},
        {"kind": "expected", "expected_departure": text(NOON + timedelta(hours=9)), "known_at": text(NOON)},
        {"kind": "tail", "tail": "N999", "known_at": text(NOON)},
        {
            "kind": "left",
            "at": text(NOON - timedelta(minutes=25)),
            "known_at": text(NOON - timedelta(minutes=10)),
        },
    ]
    victims = [afternoon()[0], flight, flight, OF_THE_DAY.row(0, named=True)]
    sent = [named(victim) | news for victim, news in zip(victims, later, strict=True)]
    weather = {"kind": "weather", "airport": flight["origin"], "at": text(NOON), "visibility": 0.1}
    assert send(client, *sent, weather).raise_for_status().json()["applied"] == 5
    assert ask(client, flight, NOON - timedelta(minutes=30)) == before
    assert ask(client, flight, NOON) != before


def test_when_the_feed_falls_silent_a_prediction_is_that_of_the_day_before(
    client: httpx.Client, predictor: Predictor
) -> None:
    silent = ask(client, afternoon()[-1], NOON + timedelta(minutes=MAX_AGE + 1))
    assert silent["state"] == "history"
    of_the_day_before = predictor.predict(OF_THE_DAY, timetable_of=OF_THE_DAY).late_probability[-1]
    assert silent["late_probability"] == of_the_day_before


def test_live_reasons_name_what_happens_now_and_sum_to_the_difference(client: httpx.Client) -> None:
    prediction = ask(client, afternoon()[1], NOON, reasons=True)
    effects = {reason["group"]: reason["effect"] for reason in prediction["reasons"]}
    assert effects["airport now"] + effects["airline now"] > 0.1
    assert set(effects) >= {"calendar", "history", "airport now", "airline now"}
    assert "revised time" not in effects


def test_the_board_shows_live_predictions(client: httpx.Client) -> None:
    flight = afternoon()[1]
    query = {
        "airport": flight["origin"],
        "from": text(NOON),
        "to": text(NOON + timedelta(hours=6)),
        "as_of": text(NOON),
    }
    board = client.get("/flights", params=query).raise_for_status().json()
    states = {entry["prediction"]["state"] for entry in board["flights"] if entry["status"] == "scheduled"}
    assert states == {"live"}
