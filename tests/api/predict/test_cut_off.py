"""The cut-off of a prediction: as asked, else now, else the end of the day before a flight that is gone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from api.conftest import FLIGHT


def prediction_of(client: httpx.Client, departure: str, as_of: str | None = None) -> dict[str, Any]:
    flight = FLIGHT | {"scheduled_departure": departure}
    body = {"flights": [flight]} if as_of is None else {"flights": [flight], "as_of": as_of}
    prediction: dict[str, Any] = (
        client.post("/predict", json=body).raise_for_status().json()["predictions"][0]
    )
    return prediction


def test_of_a_flight_that_is_gone_nothing_of_its_own_day_is_known(client: httpx.Client) -> None:
    gone = prediction_of(client, "2023-04-20T10:30")
    assert gone == prediction_of(client, "2023-04-20T10:30", "2023-04-20T00:00")
    assert (gone["horizon_minutes"], gone["history_until"]) == (630, "2023-04-19")


def test_without_a_cut_off_it_is_now(client: httpx.Client) -> None:
    departure = datetime.now(ZoneInfo("America/New_York")).replace(tzinfo=None) + timedelta(days=2)
    horizon = prediction_of(client, departure.isoformat(timespec="minutes"))["horizon_minutes"]
    # A change of the clocks lies between at the most.
    assert 2 * 1440 - 65 <= horizon <= 2 * 1440 + 65


def test_an_offset_may_stand_in_the_cut_off(client: httpx.Client) -> None:
    local = prediction_of(client, "2023-04-20T10:30", "2023-04-19T22:30")
    assert local == prediction_of(client, "2023-04-20T10:30", "2023-04-20T02:30Z")
    assert (local["horizon_minutes"], local["history_until"]) == (720, "2023-04-18")


@pytest.mark.parametrize("as_of", ["2023-04-20T08:00", "2023-04-25T08:00"])
def test_a_cut_off_on_the_day_or_after_it_knows_the_day_before(client: httpx.Client, as_of: str) -> None:
    assert prediction_of(client, "2023-04-20T10:30", as_of)["history_until"] == "2023-04-19"


@pytest.mark.parametrize("as_of", ["yesterday!", "2023-02-30T10:00", "2023-04-20", "1989-12-31T10:00"])
def test_a_cut_off_that_is_no_time_is_named(client: httpx.Client, as_of: str) -> None:
    answer = client.post("/predict", json={"flights": [FLIGHT], "as_of": as_of})
    assert answer.status_code == 422
    assert [(one["pointer"], one["value"]) for one in answer.json()["errors"]] == [("#/as_of", f'"{as_of}"')]


def test_an_offset_that_crosses_midnight_moves_the_day(client: httpx.Client) -> None:
    assert prediction_of(client, "2023-04-21T02:30Z") == prediction_of(client, "2023-04-20T22:30")
    assert datetime(2023, 4, 21, 2, 30, tzinfo=UTC).astimezone(ZoneInfo("America/New_York")).day == 20
