"""Each line of the log says who asked, from where, and why it was refused; each refusal is counted."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.conftest import FLIGHT, NOON, Server, answer_of, running, until
from puntual.api.auth.api_keys import KeyStore

BODY = {"flights": [FLIGHT]}


@pytest.fixture(scope="module")
def server(bundle_file: Path, state: tuple[Path, str]) -> Iterator[Server]:
    words = ("--bundle", str(bundle_file), "--state", str(state[0]))
    with running(*words, patience="1", body_limit="4096") as started:
        yield started


def line_of(server: Server, request_id: str) -> dict[str, Any]:
    def lines() -> list[dict[str, Any]]:
        return [line for line in server.logged() if line["request_id"] == request_id]

    assert until(lambda: len(lines()) == 1)
    return lines()[0]


def test_an_answer_is_logged_and_kept_with_the_key_that_asked(
    server: Server, state: tuple[Path, str]
) -> None:
    headers = {"x-api-key": state[1], "x-request-id": "one"}
    assert server.client.post("/predict", json=BODY, headers=headers).status_code == 200
    line = line_of(server, "one")
    assert line == line | {"key": "tower", "peer": "127.0.0.1", "reason": None}

    def kept() -> list[Any]:
        with closing(sqlite3.connect(state[0] / "journal.db")) as journal:
            query = "SELECT key_name, peer FROM predictions WHERE request_id = 'one'"
            return journal.execute(query).fetchall()

    assert until(lambda: counted(server, state[1], "puntual_journal_written_total") == 1)
    assert kept() == [("tower", "127.0.0.1")]


def test_a_caller_with_an_access_token_goes_by_the_name_of_its_key(
    server: Server, state: tuple[Path, str]
) -> None:
    form = {"grant_type": "client_credentials", "client_id": "tower", "client_secret": state[1]}
    answer = server.client.post("/v1/security/oauth2/token", data=form, headers={"x-request-id": "granted"})
    headers = {"authorization": f"Bearer {answer.json()['access_token']}", "x-request-id": "by-token"}
    server.client.get("/v1/airport/predictions/on-time", headers=headers)
    assert [line_of(server, name)["key"] for name in ("granted", "by-token")] == ["tower", "tower"]


REFUSED = {
    "no-key": ("POST", "/predict", {}, 401, "a key is needed here"),
    "wrong-key": ("POST", "/predict", {"x-api-key": "puntual_x"}, 401, "not known or was revoked"),
    "no-token": ("GET", "/v1/airport/predictions/on-time", {}, 401, "is missing or no Bearer token"),
    "bad-grant": ("POST", "/v1/security/oauth2/token", {}, 415, "media type"),
}


@pytest.mark.parametrize("request_id", REFUSED)
def test_a_caller_that_is_not_let_in_is_anonymous_and_the_line_says_why(
    server: Server, state: tuple[Path, str], request_id: str
) -> None:
    method, path, headers, status, reason = REFUSED[request_id]
    before = refusals(server, state[1])
    answer = server.client.request(method, path, json=BODY, headers=headers | {"x-request-id": request_id})
    assert (answer.status_code, answer.headers["x-request-id"]) == (status, request_id)
    line = line_of(server, request_id)
    assert line == line | {"key": "anonymous", "peer": "127.0.0.1", "status": status}
    assert reason in line["reason"]
    assert refusals(server, state[1]) == before + 1


OF_A_KEY = {
    "bad-json": ("POST", "/predict", "{", 400, "not valid JSON"),
    "no-route": ("GET", "/nothing", "", 404, "Not Found"),
    "no-method": ("DELETE", "/predict", "", 405, "Method Not Allowed"),
    "too-large": ("POST", "/predict", " " * 5_000, 413, "Request Entity Too Large"),
    "bad-table": ("POST", "/invocations", "[]", 400, ""),
}


@pytest.mark.parametrize("request_id", OF_A_KEY)
def test_what_the_application_refuses_is_logged_with_key_and_reason(
    server: Server, state: tuple[Path, str], request_id: str
) -> None:
    method, path, body, status, reason = OF_A_KEY[request_id]
    headers = {"x-api-key": state[1], "x-request-id": request_id, "content-type": "application/json"}
    assert server.client.request(method, path, content=body, headers=headers).status_code == status
    line = line_of(server, request_id)
    assert line == line | {"key": "tower", "status": status}
    assert line["reason"]
    assert reason.lower() in line["reason"].lower()


BEFORE_HTTP = {
    "no HTTP": (b"\x16\x03\x01\x02\x00", 400, "-", "-", "Invalid HTTP"),
    "no host": (b"GET /livez?a=1 HTTP/1.1\r\n\r\n", 400, "GET", "/livez", "0 Host headers"),
    "headers": (
        b"GET /livez HTTP/1.1\r\nhost: a\r\nx: %s\r\n\r\n" % (b"a" * 99_999),
        431,
        "GET",
        "/livez",
        "headers are larger",
    ),
    "path": (b"GET /%s HTTP/1.1\r\nhost: a\r\n\r\n" % (b"a" * 9_999), 414, "GET", "/aaaaaaa", "longer than"),
    "nothing": (b"", 408, "-", "-", "did not arrive within"),
}


@pytest.mark.parametrize("what", BEFORE_HTTP)
def test_what_is_refused_before_it_is_a_request_is_logged_and_counted(
    server: Server, state: tuple[Path, str], what: str
) -> None:
    sent, status, method, path, reason = BEFORE_HTTP[what]
    before = refusals(server, state[1])
    with server.connect() as connection:
        connection.sendall(sent)
        head, _, body = answer_of(connection).partition(b"\r\n\r\n")
    assert json.loads(body)["status"] == status
    (request_id,) = (line.split(b": ")[1] for line in head.split(b"\r\n") if line.startswith(b"x-request-id"))
    line = line_of(server, request_id.decode())
    assert line == line | {"status": status, "method": method, "key": "anonymous", "peer": "127.0.0.1"}
    assert line["path"].startswith(path)
    assert len(line["path"]) <= 500
    assert reason in line["reason"]
    assert refusals(server, state[1]) == before + 1


def test_a_key_beyond_its_rate_is_named(bundle_file: Path, tmp_path: Path) -> None:
    key = KeyStore(tmp_path).create("gate", NOON)
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words, burst="1", rate="0.001") as limited:
        for request_id in ("first", "second"):
            limited.client.get("/models/champion", headers={"x-api-key": key, "x-request-id": request_id})
        line = line_of(limited, "second")
    assert line == line | {"key": "gate", "status": 429}
    assert "rate allows" in line["reason"]


def refusals(server: Server, key: str) -> float:
    return counted(server, key, "puntual_refused_total")


def counted(server: Server, key: str, name: str) -> float:
    text = server.client.get("/metrics", headers={"x-api-key": key}).raise_for_status().text
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))
