"""To surrogates, width and length no route answers with an error of its own, or what the document does not describe."""

import random
import zlib
from pathlib import Path
from typing import Any

import pytest
from schemathesis.engine.recorder import ScenarioRecorder

from api.conftest import Server
from api.contract.schemathesis_runs import EXAMPLES, cases, failures, keyed_server, recorded

LONE = "\ud800"
# What is sent is no longer what the document asks for, so that it may well be refused, or taken.
CHECKS = {
    name: {"enabled": False}
    for name in ("positive_data_acceptance", "negative_data_rejection", "missing_required_header")
}


def chance(value: Any) -> random.Random:
    """Draw the same for the same value, as Hypothesis wants it when it looks again."""
    return random.Random(zlib.crc32(repr(value).encode("utf-8", "surrogatepass")))


def hostile(value: Any, draw: random.Random) -> Any:
    """Put something hostile somewhere into a value of JSON: half a character, many names, a long text."""
    if isinstance(value, dict) and value and draw.random() < 0.7:
        name = draw.choice([*value])
        return value | {name: hostile(value[name], draw)}
    if isinstance(value, list) and value and draw.random() < 0.7:
        place = draw.randrange(len(value))
        return [*value[:place], hostile(value[place], draw), *value[place + 1 :]]
    if isinstance(value, dict):
        wide = {f"k{number}": 1 for number in range(1_100)}
        return value | draw.choice([{LONE: 1}, wide, {"k" * 3_000: 1}])
    if isinstance(value, str):
        return draw.choice([LONE, value + LONE, " " * 3_000 + value, value * 200, f"{value}\0"])
    return draw.choice([LONE, [[]] * 1_100, 10**300, {LONE: LONE}, "k" * 3_000, [value] * 1_100])


def hostile_body(context: Any, body: Any) -> Any:
    if context.operation.path.endswith("/token"):
        # A form is no JSON: half a character could not even be sent.
        return body | {"client_id": "k" * 3_000} if isinstance(body, dict) else body
    return hostile(body, chance(body)) if isinstance(body, dict | list) else body


def hostile_query(_: Any, query: dict[str, Any] | None) -> dict[str, Any]:
    """Add to a query, or lengthen it, also beyond what is refused before any route is looked up."""
    draw = chance(query)
    wide = {f"k{number}": "1" for number in range(draw.choice([150, 2_000]))}
    more = draw.choice([{"k" * 1_000: "1"}, {"k": "k" * 9_000}, wide, {"é\0": "\x7f"}])
    longer = {name: draw.choice([value, (str(value) * 20)[:500]]) for name, value in (query or {}).items()}
    return longer | more


def hostile_headers(_: Any, headers: dict[str, str] | None) -> dict[str, str]:
    """Add headers, some of them larger than any head may be."""
    draw = chance(headers)
    wide = {f"x-{number}": "k" * 900 for number in range(80)}
    return dict(headers or {}) | draw.choice(
        [{}, {}, {"x-long": "k" * 3_000}, {"x-long": "k" * 70_000}, wide]
    )


def statuses(recorders: list[ScenarioRecorder]) -> set[int]:
    return {
        interaction.response.status_code
        for recorder in recorders
        for interaction in recorder.interactions.values()
        if interaction.response is not None
    }


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_no_route_breaks_on_what_is_too_wide_too_long_or_half_a_character(
    bundle_file: Path, tmp_path: Path
) -> None:
    with keyed_server(bundle_file, tmp_path) as keyed:
        hooks = {"map_body": hostile_body, "map_query": hostile_query, "map_headers": hostile_headers}
        phases = {name: {"enabled": False} for name in ("examples", "coverage", "stateful")}
        recorders = recorded(keyed, lambda _: True, hooks, checks=CHECKS, phases=phases)
        assert failures(recorders) == []
        assert cases(recorders) > 10 * EXAMPLES
        assert statuses(recorders) >= {400, 414, 431}
        assert not [line for line in keyed.server.logged() if line["status"] >= 500]


@pytest.mark.parametrize(
    "body",
    [
        r'{"instances": [{"airline": "\ud800"}]}',
        r'{"instances": [{"OPERA": "Sky Airline", "as_of": "\ud800"}]}',
        r'{"instances": [{"OPERA": "Sky Airline"}], "params": {"\ud800": 1}}',
        r'{"dataframe_split": {"columns": ["\ud800"], "data": [[1]]}}',
        r'{"\ud800": []}',
    ],
)
def test_half_a_character_in_invocations_is_refused(server: Server, body: str) -> None:
    answer = server.client.post("/invocations", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("field", ["airline", "origin", "scheduled_departure", "as_of"])
def test_half_a_character_in_a_request_is_refused(server: Server, field: str) -> None:
    flight = '"airline": "AA", "flight_number": "1", "origin": "JFK", "destination": "MIA", "scheduled_departure": "x"'
    body = f'{{"flights": [{{{flight}, "{field}": "\\ud800"}}], "as_of": "\\udfff"}}'
    answer = server.client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_an_origin_behind_a_million_spaces_is_refused_and_one_behind_a_few_is_answered(
    server: Server,
) -> None:
    flight = {
        "airline": "AA",
        "flight_number": "1",
        "destination": "MIA",
        "scheduled_departure": "2023-04-20T10:30",
    }
    long = server.client.post("/predict", json={"flights": [flight | {"origin": " " * 1_000_000 + "SCL"}]})
    assert (long.status_code, long.json()["errors"][0]["pointer"]) == (400, "#/flights/0/origin")
    assert server.client.post("/predict", json={"flights": [flight | {"origin": " SCL"}]}).status_code == 200


def test_twenty_thousand_columns_of_a_header_are_refused(server: Server) -> None:
    header = ",".join(f"c{number}" for number in range(20_000))
    for method, path in (("POST", "/invocations"), ("PUT", "/timetable")):
        sent = {"content": f"{header}\n1\n", "headers": {"content-type": "text/csv"}}
        answer = server.client.request(method, path, **sent)
        assert answer.status_code in (400, 422)
        assert "20,000 columns; expected at most 1,000" in answer.text


def test_credentials_of_more_than_four_kilobytes_are_refused_before_they_are_looked_at(
    server: Server,
) -> None:
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b" * 5_000}
    assert server.client.post("/v1/security/oauth2/token", data=form).status_code == 413
