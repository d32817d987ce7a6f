"""What holds of every answer, whichever flights are asked about."""

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import airportsdata
import httpx
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.conftest import FLIGHT
from puntual.flights import airports
from puntual.sources.times import local_time

drawn = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
codes = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
listed = st.sampled_from(sorted(airportsdata.load("ICAO")))
times = st.datetimes(datetime(2022, 12, 1), datetime(2023, 6, 1)) | st.datetimes(
    datetime(1991, 1, 1), datetime(2098, 12, 31)
)


def can_be_asked_about(flight: dict[str, Any]) -> bool:
    """Leave out round trips and what the clocks of the origin skip or show twice: they have tests of their own."""
    origin, destination = (airports.find(flight[name]) for name in ("origin", "destination"))
    departure = datetime.fromisoformat(flight["scheduled_departure"])
    local = local_time(departure, ZoneInfo(origin.time_zone))
    return origin != destination and local is not None and not local.twice


flights = st.fixed_dictionaries(
    {
        "airline": st.sampled_from(["AA", "B6", "dl", "UA"]) | codes,
        "flight_number": st.sampled_from(["100", "105", "117"]) | codes,
        "origin": st.sampled_from(["JFK", "EWR", "KJFK"]) | listed,
        "destination": st.sampled_from(["BOS", "LAX", "EGLL"]) | listed,
        "scheduled_departure": times.map(datetime.isoformat),
    }
).filter(can_be_asked_about)
# Exact, since each origin has clocks of its own.
cut_offs = times.map("{:%Y-%m-%dT%H:%MZ}".format)


def predictions_of(
    client: httpx.Client, flights: list[dict[str, Any]], as_of: str | None = None
) -> list[dict[str, Any]]:
    answer = client.post("/predict", json={"flights": flights, "as_of": as_of})
    predictions: list[dict[str, Any]] = answer.raise_for_status().json()["predictions"]
    return predictions


@drawn
@given(st.lists(flights, min_size=1, max_size=20), st.none() | cut_offs)
def test_an_answer_does_not_contradict_itself(
    client: httpx.Client, flights: list[dict[str, Any]], as_of: str | None
) -> None:
    for one in predictions_of(client, flights, as_of):
        bands = list(one["bands"].values())
        beyond = [sum(bands[first:]) for first in range(len(bands))]
        assert beyond[0] == pytest.approx(1, abs=1e-9)
        assert all(0 <= band <= 1 for band in bands)
        assert all(less >= more for less, more in pairwise(beyond))
        assert one["late_probability"] == pytest.approx(beyond[1], abs=1e-12)
        assert one["late"] == (one["late_probability"] >= one["threshold"])
        assert list(one["delay_quantiles"].values()) == sorted(one["delay_quantiles"].values())
        assert min(one["support"].values()) >= 0


@drawn
@given(st.lists(flights, min_size=1, max_size=12), st.randoms(use_true_random=False), cut_offs)
def test_one_by_one_and_in_any_order_flights_get_what_they_get_together(
    client: httpx.Client, flights: list[dict[str, Any]], chance: Any, moment: str
) -> None:
    together = predictions_of(client, flights, moment)
    order = list(range(len(flights)))
    chance.shuffle(order)
    assert [predictions_of(client, [flight], moment)[0] for flight in flights] == together
    assert predictions_of(client, [flights[place] for place in order], moment) == [
        together[place] for place in order
    ]


@drawn
@given(flights, cut_offs)
def test_a_flight_is_the_same_by_either_code_and_in_local_time_or_with_an_offset(
    client: httpx.Client, flight: dict[str, Any], as_of: str
) -> None:
    origin, destination = (airports.find(flight[name]) for name in ("origin", "destination"))
    local = datetime.fromisoformat(flight["scheduled_departure"])
    zoned = local.replace(tzinfo=ZoneInfo(origin.time_zone))
    offset = zoned.utcoffset() or timedelta()
    names = {"origin": origin.code.lower(), "destination": destination.code}
    absolute = local.replace(tzinfo=timezone(offset)).isoformat()
    if zoned.astimezone(timezone(offset)).astimezone(zoned.tzinfo).replace(tzinfo=None) == local:
        names["scheduled_departure"] = absolute
    one, same = predictions_of(client, [flight, flight | names], as_of)
    assert one == same


@pytest.mark.parametrize("column", ["IATA", "ICAO"])
def test_every_airport_that_is_listed_can_be_asked_about(client: httpx.Client, column: str) -> None:
    listed = list(airportsdata.load(column))[::7]
    for start in range(0, len(listed), 1000):
        some = listed[start : start + 1000]
        flights = [
            FLIGHT | {"origin": code, "destination": some[place - 1]} for place, code in enumerate(some)
        ]
        assert len(predictions_of(client, flights)) == len(some)


def test_what_was_never_seen_is_answered_with_little_support(
    client: httpx.Client, made_flights: pl.DataFrame
) -> None:
    strange = FLIGHT | {"airline": "ZZ", "flight_number": "9999", "origin": "SCL", "destination": "AKL"}
    usual = {name: made_flights[name][0] for name in ("airline", "flight_number", "origin", "destination")}
    (unknown, known) = predictions_of(client, [strange, FLIGHT | usual], "2023-04-20T08:00")
    assert unknown["support"] == {"airline": 0, "route": 0, "flight": 0}
    assert min(known["support"].values()) > 0
    assert 0 < unknown["late_probability"] < 1


@pytest.mark.parametrize("written", ["0{number}", "{airline}{number}", "{airline}00{number}"])
def test_a_flight_is_the_same_one_however_its_number_is_written(
    client: httpx.Client, made_flights: pl.DataFrame, written: str
) -> None:
    usual = {name: made_flights[name][0] for name in ("airline", "flight_number", "origin", "destination")}
    number = written.format(airline=usual["airline"].lower(), number=usual["flight_number"])
    known, same = predictions_of(
        client, [FLIGHT | usual, FLIGHT | usual | {"flight_number": number}], "2023-04-20T08:00"
    )
    assert known == same and known["support"]["flight"] > 0


def test_a_number_with_the_zero_of_a_float_is_one_in_the_cell_of_a_table(client: httpx.Client) -> None:
    header, row = ",".join(FLIGHT), ",".join(FLIGHT.values())
    tables = (f"{header}\n{row}\n", f"{header}\n{row}\n".replace(",1,", ",1.0,"))
    one, same = (
        client.post("/invocations", content=table, headers={"content-type": "text/csv"})
        .raise_for_status()
        .json()
        for table in tables
    )
    assert one == same
