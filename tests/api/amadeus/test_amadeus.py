"""Code written against Amadeus works by changing the host: its own client library asks a real server."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import amadeus
import numpy as np
import pytest
from amadeus import Client, ResponseError
from hypothesis import given
from hypothesis import strategies as st

from api.conftest import FLIGHT, NOON, Server, running, until
from puntual.api.amadeus import vendor_errors
from puntual.api.amadeus.airport_days import UsualShare, beats
from puntual.api.amadeus.answers import in_digits
from puntual.api.auth.api_keys import KeyStore
from puntual.flights.airports import find
from puntual.flights.arrays import take
from puntual.registry import Bundle
from test_docs import ROOT, blocks

# The same flight as `FLIGHT`.
ASKED = {
    "originLocationCode": "JFK",
    "destinationLocationCode": "MIA",
    "departureDate": "2023-04-20",
    "departureTime": "10:30:00",
    "arrivalDate": "2023-04-20",
    "arrivalTime": "13:40:00",
    "aircraftCode": "321",
    "carrierCode": "AA",
    "flightNumber": "1",
    "duration": "PT3H10M",
}
RESULTS = [
    "LESS_THAN_30_MINUTES",
    "BETWEEN_30_AND_60_MINUTES",
    "BETWEEN_60_AND_120_MINUTES",
    "OVER_120_MINUTES_OR_CANCELLED",
]
GUIDE = ROOT / "docs" / "amadeus.md"
TOKEN = "/v1/security/oauth2/token"
FLIGHT_DELAY = "/v1/travel/predictions/flight-delay"
ON_TIME = "/v1/airport/predictions/on-time"


@pytest.fixture(scope="module")
def server(bundle_file: Path, state: tuple[Path, str]) -> Iterator[Server]:
    with running("--bundle", str(bundle_file), "--state", str(state[0])) as running_server:
        yield running_server


@pytest.fixture
def client(server: Server, state: tuple[Path, str]) -> Client:
    return caller(server, "tower", state[1])


def caller(server: Server, name: str, key: str) -> Client:
    """Point the vendor's client at a server, as docs/amadeus.md says."""
    return Client(client_id=name, client_secret=key, host="127.0.0.1", port=server.port, ssl=False)


def delay(client: Client, **changes: str) -> Any:
    return client.travel.predictions.flight_delay.get(**(ASKED | changes))


def refusal(client: Client, expected: type[ResponseError], **changes: Any) -> dict[str, Any]:
    """Ask about a flight, and give the one error that comes back; None leaves a parameter out."""
    query = {name: value for name, value in (ASKED | changes).items() if value is not None}
    with pytest.raises(expected) as caught:
        client.travel.predictions.flight_delay.get(**query)
    (error,) = caught.value.response.result["errors"]
    return error


def credentials(name: str, key: str, grant: str = "client_credentials") -> dict[str, str]:
    return {"grant_type": grant, "client_id": name, "client_secret": key}


def test_a_flight_gets_four_probabilities_that_are_those_of_its_bands(
    server: Server, client: Client, state: tuple[Path, str]
) -> None:
    answer = delay(client)
    ours = server.client.post("/predict", json={"flights": [FLIGHT]}, headers={"x-api-key": state[1]})
    bands = ours.json()["predictions"][0]["bands"]

    assert [one["result"] for one in answer.data] == RESULTS
    assert {(one["id"], one["type"], one["subType"]) for one in answer.data} == {
        ("AA1JFKMIA20230420", "prediction", "flight-delay")
    }
    expected = [bands["0-15"] + bands["15-30"], bands["30-60"], bands["60-120"], bands["120+"]]
    assert [float(one["probability"]) for one in answer.data] == pytest.approx(expected, abs=1e-8)
    assert sum(Decimal(one["probability"]) for one in answer.data) == 1
    meta = answer.result["meta"]
    assert (meta["count"], meta["support"]) == (4, ours.json()["predictions"][0]["support"])
    assert meta["links"]["self"].startswith(f"{server.url}{FLIGHT_DELAY}?originLocationCode=JFK&")


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda drawn: sum(drawn) > 0.01))
def test_probabilities_sum_to_one_exactly_as_printed(weights: list[float]) -> None:
    probabilities = [weight / sum(weights) for weight in weights]
    digits = in_digits(probabilities)
    assert sum(map(Decimal, digits)) == 1
    assert [len(one) for one in digits] == [10] * 4
    assert [float(one) for one in digits] == pytest.approx(probabilities, abs=1.01e-8)


def test_a_route_never_seen_is_answered_with_its_support(client: Client) -> None:
    answer = delay(client, originLocationCode="AKL", destinationLocationCode="SCL", arrivalDate="2023-04-21")
    assert sum(Decimal(one["probability"]) for one in answer.data) == 1
    assert answer.result["meta"]["support"] == {"airline": 0, "route": 0, "flight": 0}


@pytest.mark.parametrize(
    ("changes", "parameter", "code"),
    [
        ({"aircraftCode": None}, "aircraftCode", 32171),
        ({"carrierCode": ""}, "carrierCode", 32171),
        ({"originLocationCode": "jfk"}, "originLocationCode", 477),
        ({"departureDate": "2023-02-30"}, "departureDate", 477),
        ({"departureTime": "24:00:00"}, "departureTime", 477),
        ({"departureTime": "10:30"}, "departureTime", 477),
        ({"aircraftCode": "A-1"}, "aircraftCode", 477),
        ({"carrierCode": "LAN"}, "carrierCode", 477),
        ({"flightNumber": "12345"}, "flightNumber", 477),
        ({"duration": "P"}, "duration", 477),
        ({"duration": "3h10"}, "duration", 477),
        ({"destinationLocationCode": "QQQ"}, "destinationLocationCode", 572),
        ({"departureDate": "1789-07-14"}, "departureDate", 4926),
        ({"arrivalDate": "2023-04-19"}, "arrivalDate", 4926),
        ({"flightNumber": ["1", "2"]}, "flightNumber", 477),
    ],
)
def test_a_parameter_at_fault_is_named_by_the_clients_own_error(
    client: Client, changes: dict[str, Any], parameter: str, code: int
) -> None:
    error = refusal(client, amadeus.ClientError, **changes)
    assert (error["status"], error["code"], error["source"]["parameter"]) == (400, code, parameter)
    assert error["source"]["example"]
    assert (
        error["title"]
        == {
            477: "INVALID FORMAT",
            572: "INVALID OPTION",
            4926: "INVALID DATA RECEIVED",
            32171: "MANDATORY DATA MISSING",
        }[code]
    )


def test_every_parameter_at_fault_is_told_at_once(client: Client) -> None:
    with pytest.raises(amadeus.ClientError) as caught:
        client.get(FLIGHT_DELAY, carrierCode="ABC")
    errors = caught.value.response.result["errors"]
    assert len(errors) == len(ASKED)
    assert '[carrierCode] is "ABC"; expected one or two letters or digits' in str(caught.value)


@pytest.mark.parametrize("duration", ["PT31H10M", "P1DT2H", "PT0.5S", "P1Y2M", "P3W"])
def test_any_duration_will_do(client: Client, duration: str) -> None:
    assert delay(client, duration=duration).data == delay(client).data


def test_an_arrival_is_compared_in_its_own_time_zone(client: Client) -> None:
    # From Auckland one lands in Los Angeles on the clock before one left.
    away = {"originLocationCode": "AKL", "destinationLocationCode": "LAX"}
    assert delay(client, **away, arrivalTime="05:00:00").status_code == 200


@pytest.mark.parametrize(("name", "end"), [("tower", "x"), ("gate", ""), ("", "")])
def test_wrong_credentials_are_told_as_oauth_does(
    server: Server, state: tuple[Path, str], name: str, end: str
) -> None:
    with pytest.raises(ResponseError) as caught:
        delay(caller(server, name, state[1] + end))
    response = caught.value.response
    expected = amadeus.AuthenticationError if name else amadeus.ClientError
    assert type(caught.value) is expected
    assert response.headers["content-type"] == "application/json"
    if name:
        assert response.result == {
            "error": "invalid_client",
            "error_description": "Client credentials are invalid",
            "code": 38187,
            "title": "Invalid parameters",
        }


def test_a_token_says_how_long_it_lasts_and_other_grants_are_refused(
    server: Server, state: tuple[Path, str]
) -> None:
    given = server.client.post(TOKEN, data=credentials("tower", state[1]))
    assert given.headers["content-type"] == "application/json"
    assert given.headers["cache-control"] == "no-store"
    token = given.json()
    assert state[1] not in token.pop("access_token")
    assert token == {
        "type": "amadeusOAuth2Token",
        "application_name": "tower",
        "client_id": "tower",
        "token_type": "Bearer",
        "expires_in": 1799,
        "state": "approved",
        "scope": "",
    }
    refused = server.client.post(TOKEN, data=credentials("tower", state[1], "password"))
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")
    assert server.client.post(TOKEN, data={"grant_type": "client_credentials"}).json()["code"] == 38187


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, 38191),
        ("Basic dG93ZXI6dG93ZXI=", 38191),
        ("Bearer", 38191),
        ("Bearer nothing", 38190),
        ("Bearer tower~9999999999~", 38190),
        ("Bearer ghost~9999999999~None", 38190),
        ("Bearer ~9999999999~" + "0" * 64, 38190),
        ("Bearer tower~9999999999~" + "0" * 64, 38190),
        ("Bearer \xff~\xb2~\xff".encode("latin-1"), 38190),
    ],
)
def test_what_is_no_token_opens_nothing(server: Server, authorization: Any, code: int) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    for path, query in ((FLIGHT_DELAY, ASKED), (ON_TIME, {"airportCode": "JFK", "date": "2023-04-20"})):
        answer = server.client.get(path, params=query, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, code)
        assert answer.headers["content-type"] == "application/vnd.amadeus+json"


def test_a_token_is_for_these_paths_and_a_key_for_the_others(server: Server, state: tuple[Path, str]) -> None:
    token = server.client.post(TOKEN, data=credentials("tower", state[1])).json()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert server.client.get(FLIGHT_DELAY, params=ASKED, headers=bearer).status_code == 200
    assert server.client.post("/predict", json={"flights": [FLIGHT]}, headers=bearer).status_code == 401
    name, issued, signature = token.split(".")
    later = f"Bearer {name}.{issued[:-1]}{'A' if issued[-1] != 'A' else 'B'}.{signature}"
    answer = server.client.get(FLIGHT_DELAY, params=ASKED, headers={"authorization": later})
    assert answer.json()["errors"][0]["code"] == 38190
    key = {"x-api-key": state[1], "authorization": f"Bearer {state[1]}"}
    assert server.client.get(FLIGHT_DELAY, params=ASKED, headers=key).status_code == 401


def test_the_client_gets_another_token_before_the_old_one_ends(
    bundle_file: Path, state: tuple[Path, str]
) -> None:
    # It asks anew when fewer than ten seconds are left.
    words = ("--bundle", str(bundle_file), "--state", str(state[0]))
    with running(*words, token_seconds="12") as server:
        client = caller(server, "tower", state[1])
        assert delay(client).data
        first = client.access_token.access_token
        assert delay(client).data
        assert client.access_token.access_token == first
        assert until(lambda: bool(delay(client).data) and client.access_token.access_token != first, 10)


def test_an_expired_token_is_told_from_a_wrong_one(bundle_file: Path, state: tuple[Path, str]) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(state[0]))
    with running(*words, token_seconds="3") as server:
        client = caller(server, "tower", state[1])
        assert delay(client).data
        # A client whose clock stands still.
        client.access_token.expires_at += 3_600

        def codes() -> int | None:
            try:
                delay(client)
            except amadeus.AuthenticationError as error:
                return error.response.result["errors"][0]["code"]
            return None

        assert until(lambda: codes() is not None, 10)
        assert codes() == 38192
        client.access_token.expires_at = 0
        assert delay(client).data


def test_a_revoked_key_takes_its_tokens_with_it(bundle_file: Path, tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.create("gate", NOON)
    key = store.create("tower", NOON)
    with running("--bundle", str(bundle_file), "--state", str(tmp_path), "--workers", "2") as server:
        client = caller(server, "tower", key)
        assert all(delay(client).data for _ in range(8))
        store.revoke("tower")
        store.create("tower", NOON)
        # Each worker looks at the keys by itself, once a second.
        assert until(lambda: all(_is_refused(client) for _ in range(16)), 10)
        assert refusal(client, amadeus.AuthenticationError)["code"] == 38190


def _is_refused(client: Client) -> bool:
    try:
        delay(client)
    except amadeus.AuthenticationError:
        return True
    return False


def test_a_key_that_asks_too_fast_is_told_so(bundle_file: Path, state: tuple[Path, str]) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(state[0]))
    with running(*words, rate="0.01", burst="2") as server:
        client = caller(server, "tower", state[1])
        assert delay(client).data
        error = refusal(client, amadeus.ClientError)
        assert (error["status"], error["code"]) == (429, 38194)
        fresh = server.client.post(TOKEN, data=credentials("tower", state[1]))
        assert (fresh.status_code, fresh.json()["errors"][0]["code"]) == (429, 38194)
        assert int(fresh.headers["retry-after"]) > 0


def test_a_service_that_asks_nobody_for_a_key_takes_any_credentials(
    bundle_file: Path, tmp_path: Path
) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        client = caller(server, "anyone", "anything")
        assert delay(client).data
        # Once there is a key, what was given before opens nothing.
        key = KeyStore(tmp_path).create("tower", NOON)
        assert until(lambda: _is_refused(client), 10)
        assert delay(caller(server, "tower", key)).data


def test_without_a_model_the_client_sees_a_fault_of_the_server(tmp_path: Path) -> None:
    with running("--registry", str(tmp_path / "models"), "--state", str(tmp_path / "state")) as server:
        client = caller(server, "anyone", "anything")
        error = refusal(client, amadeus.ServerError)
        assert (error["status"], error["code"]) == (503, 38189)
        with pytest.raises(amadeus.ServerError):
            client.airport.predictions.on_time.get(airportCode="JFK", date="2023-04-20")


def test_a_bundle_that_is_gone_is_a_fault_of_the_server(bundle_file: Path, tmp_path: Path) -> None:
    file = tmp_path / bundle_file.name
    file.write_bytes(bundle_file.read_bytes())
    with running("--bundle", str(file), "--state", str(tmp_path / "state")) as server:
        file.unlink()
        client = caller(server, "anyone", "anything")
        with pytest.raises(amadeus.ServerError) as caught:
            client.airport.predictions.on_time.get(airportCode="JFK", date="2023-04-20")
        assert caught.value.response.result["errors"][0]["code"] == 38189
        assert delay(client).data


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", [TOKEN, FLIGHT_DELAY, ON_TIME])
def test_other_methods_are_refused_in_the_same_words(server: Server, method: str, path: str) -> None:
    answer = server.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/vnd.amadeus+json"
    assert answer.headers["allow"]
    assert answer.json()["errors"][0]["status"] == 405


def test_a_body_that_is_too_long_or_no_form_is_refused_in_the_same_words(server: Server) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    long = server.client.post(TOKEN, content=b"a" * 2_000_000, headers=form)
    other = server.client.post(TOKEN, json=credentials("tower", "x"))
    many = server.client.post(TOKEN, content=b"a=1&" * 100, headers=form)
    assert [answer.status_code for answer in (long, other, many)] == [413, 415, 400]
    assert long.json()["errors"][0]["code"] == other.json()["errors"][0]["code"] == 4926
    assert many.json()["error"] == "invalid_request"


def test_paths_of_ours_speak_as_they_did(server: Server) -> None:
    assert server.client.get("/v1/shopping").headers["content-type"] == "application/problem+json"


def test_the_code_of_the_guide_runs_and_its_environment_points_the_client_here(
    server: Server,
    state: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,), (environment,) = blocks(GUIDE, "python"), blocks(GUIDE, "ini")
    exec(compile(code.replace("port=8000", f"port={server.port}"), GUIDE.name, "exec"), {"key": state[1]})
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in printed[:4]] == RESULTS
    assert sum(Decimal(line[1]) for line in printed[:4]) == 1
    assert len(printed[4]) == 2

    here = environment.replace("the key", state[1]).replace("8000", str(server.port))
    for line in here.splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    assert delay(Client()).data


def test_every_code_of_the_guide_is_one_that_is_given() -> None:
    kinds = {kind for kind in vars(vendor_errors).values() if isinstance(kind, vendor_errors.Kind)}
    rows = re.findall(r"^\| ([\d, ]+) \| ([\d, ]+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {int(code) for _, codes in rows for code in codes.split(",")}
    assert documented == {kind.code for kind in kinds} | {38187}


def test_what_is_asked_here_is_in_the_journal(bundle_file: Path, tmp_path: Path) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        client = caller(server, "anyone", "anything")
        answer = delay(client)
        client.airport.predictions.on_time.get(airportCode="JFK", date="2023-04-20")
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        rows = journal.execute("select airline, flight_number, late_probability from predictions").fetchall()
    journal.close()
    # The usual flights of a day stand for none that could be compared with what happened.
    assert [row[:2] for row in rows] == [("AA", "1")]
    assert rows[0][2] >= 1 - float(answer.data[0]["probability"]) - 1e-8


def test_an_airports_day_is_predicted_from_its_usual_departures(client: Client, made_bundle: Bundle) -> None:
    answer = client.airport.predictions.on_time.get(airportCode="JFK", date="2023-05-03")
    data, support = answer.data, answer.result["meta"]["support"]
    assert (data["id"], data["type"], data["subType"]) == ("JFK20230503", "prediction", "on-time")
    assert 0 < float(data["result"]) < 1
    assert 0 < float(data["probability"]) < 1
    week = made_bundle.tables["typical_week"]
    usual = take(week, (week["origin"] == "JFK") & (week["weekday"] == 2))
    assert support["departures"] == pytest.approx((usual["flights"] / usual["weeks"]).sum())
    history = take(made_bundle.tables["history"], made_bundle.tables["history"]["origin"] == "JFK")
    share = 1 - history["late"].sum() / history["flights"].sum()
    assert float(support["usual"]) == pytest.approx(share, abs=1e-8)
    assert (support["timetable"], support["days"]) == ("typical", len(set(history["day"])))


def test_an_airports_day_is_predicted_from_the_flights_that_were_told(
    bundle_file: Path, tmp_path: Path
) -> None:
    flights = [
        FLIGHT | {"flight_number": str(number), "scheduled_departure": f"2023-04-21T{hour:02}:15"}
        for number, hour in enumerate(range(6, 22), start=100)
    ]
    never_seen = [flight | {"origin": "AKL"} for flight in flights]
    with running("--bundle", str(bundle_file), "--state", str(tmp_path), "--no-auth") as server:
        assert server.client.put("/timetable", json=[*flights, *never_seen]).status_code == 200
        client = caller(server, "anyone", "anything")

        def day(airport: str) -> Any:
            return client.airport.predictions.on_time.get(airportCode=airport, date="2023-04-21")

        assert until(lambda: day("JFK").result["meta"]["support"]["timetable"] == "known", 10)
        ours = server.client.post("/predict", json={"flights": flights}).json()["predictions"]
        answer = day("JFK")
        expected = 1 - sum(one["late_probability"] for one in ours) / len(ours)
        assert float(answer.data["result"]) == pytest.approx(expected, abs=1e-8)
        assert answer.result["meta"]["support"]["departures"] == len(flights)
        # An airport without a past is compared with all of them.
        unseen = day("AKL").result["meta"]["support"]
        assert (unseen["days"], unseen["departures"]) == (0, len(flights))


def test_an_airport_whose_departures_nobody_knows_is_not_found(client: Client) -> None:
    assert find("ZRH").code == "ZRH"
    with pytest.raises(amadeus.NotFoundError, match="airportCode") as caught:
        client.airport.predictions.on_time.get(airportCode="ZRH", date="2023-05-03")
    assert caught.value.response.result["errors"][0]["code"] == 38196


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"airportCode": "XXXX"}, 477), ({"airportCode": "QQQ"}, 572), ({"date": "3000-01-01"}, 4926)],
)
def test_an_airports_day_that_cannot_be_is_refused(
    client: Client, changes: dict[str, str], code: int
) -> None:
    with pytest.raises(amadeus.ClientError) as caught:
        client.airport.predictions.on_time.get(**{"airportCode": "JFK", "date": "2023-05-03"} | changes)
    assert caught.value.response.result["errors"][0]["code"] == code


probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=50).map(np.array)


@given(probabilities, st.floats(0, 1), st.floats(0, 0.1))
def test_the_chance_to_beat_the_usual_share_is_above_half_where_more_is_expected(
    on_time: np.ndarray, usual: float, variance: float
) -> None:
    chance = beats(on_time, np.ones(len(on_time)), UsualShare(usual, variance, 60))
    assert 0 <= chance <= 1
    if abs(on_time.mean() - usual) > 1e-9:
        assert (chance >= 0.5) == (on_time.mean() > usual)


def test_flights_of_one_fate_make_a_day_less_certain() -> None:
    on_time, weights = np.full(300, 0.8), np.ones(300)
    alone = beats(on_time, weights, UsualShare(0.75, 0.0, 60))
    together = beats(on_time, weights, UsualShare(0.75, 0.1**2, 60))
    assert alone > 0.97
    assert 0.6 < together < 0.7
