"""What is too large, or is no request, is refused with an answer that the other side can read."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.conftest import FLIGHT, Server, answer_of, request_of, running, until

ASKED = json.dumps({"flights": [FLIGHT]}).encode()
MANY = 8 * 1024 * 1024


@pytest.fixture(scope="module")
def server(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path_factory.mktemp("state")))
    with running(*words, patience="5") as found:
        yield found


def exchange(server: Server, sent: bytes) -> tuple[int, bytes]:
    """Send all of a request before anything is read, as most clients do."""
    with server.connect() as connection:
        connection.sendall(sent)
        answer = b""
        # A connection that is reset loses what was not read: then this raises.
        while part := connection.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-request-id: " in head
    return int(head.split()[1]), body


CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
LARGE = {
    "announced": request_of(b" " * MANY),
    "in chunks": request_of(CHUNK * (MANY // 0x10000) + b"0\r\n\r\n", transfer_encoding="chunked"),
    "of a table": request_of(b" " * MANY, "/invocations"),
    "refused for its type": request_of(b" " * MANY, connection="close").replace(
        b"application/json", b"text/plain"
    ),
}


@pytest.mark.parametrize("what", LARGE)
def test_a_body_of_eight_megabytes_is_refused_with_an_answer_that_arrives(server: Server, what: str) -> None:
    status, body = exchange(server, LARGE[what])
    assert status == (415 if "type" in what else 413)
    assert body


def test_the_rest_of_a_body_that_was_refused_is_no_request_of_its_own(server: Server) -> None:
    sent = request_of(b" " * MANY, "/timetable", "PUT")
    status, body = exchange(server, sent)
    assert (status, body.count(b"HTTP/1.1")) == (401, 0)


def test_a_client_that_never_stops_is_let_go(server: Server) -> None:
    with server.connect() as greedy:
        greedy.settimeout(60)
        with pytest.raises(OSError):
            greedy.sendall(request_of(b" ", content_length="99999999999")[:-1])
            while True:
                greedy.sendall(b" " * MANY)


PATHS = {"path": "/" + "a" * 60_000, "query": "/livez?" + "a" * 60_000}


@pytest.mark.parametrize("where", PATHS)
def test_a_path_of_sixty_kilobytes_is_too_long(server: Server, where: str) -> None:
    status, body = exchange(server, request_of(b"", PATHS[where], "GET"))
    assert (status, json.loads(body)["status"]) == (414, 414)
    assert b"longer than 8,192 bytes" in body


def test_a_path_of_eight_kilobytes_is_read(server: Server) -> None:
    status, _ = exchange(server, request_of(b"", "/livez?" + "a" * 8_000, "GET", connection="close"))
    assert status == 200


HEADERS = {
    "one": {"x_one": "a" * 100_000},
    "many": {f"x_{number}": "a" * 100 for number in range(1_000)},
    "tiny": {f"x_{number}": "" for number in range(10_000)},
}


@pytest.mark.parametrize("which", HEADERS)
def test_headers_of_a_hundred_kilobytes_are_too_large(server: Server, which: str) -> None:
    status, body = exchange(server, request_of(b"", "/livez", "GET", **HEADERS[which]))
    assert (status, json.loads(body)["status"]) == (431, 431)


HOSTS = {
    "none": (b"GET /livez HTTP/1.1\r\n\r\n", 400),
    "two": (b"GET /livez HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", 400),
    "the same twice": (b"GET /livez HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
    "none before there was one": (b"GET /livez HTTP/1.0\r\n\r\n", 200),
    "an empty one": (b"GET /livez HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n", 200),
}


@pytest.mark.parametrize("which", HOSTS)
def test_a_request_names_its_host_once(server: Server, which: str) -> None:
    sent, expected = HOSTS[which]
    status, body = exchange(server, sent)
    assert status == expected
    assert b"Host" in body or expected == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/ping", "/docs", "/openapi.json"])
def test_head_is_answered_as_get_is_without_the_body(server: Server, path: str) -> None:
    answers = [server.client.request(method, path) for method in ("HEAD", "GET")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == b""
    names = "content-type", "content-length"
    assert [answers[0].headers.get(name) for name in names] == [
        answers[1].headers.get(name) for name in names
    ]


def test_head_leaves_the_connection_in_step(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(
            request_of(b"", "/livez", "HEAD") + request_of(b"", "/nothing", "GET", connection="close")
        )
        statuses = [
            line.split()[1] for line in answer_of(connection).split(b"\r\n") if line.startswith(b"HTTP/")
        ]
    assert statuses == [b"200", b"404"]


def test_a_form_for_a_token_is_refused_beyond_four_kilobytes(server: Server) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    form = b"grant_type=client_credentials&client_id=tower&client_secret="
    statuses = [
        server.client.post("/v1/security/oauth2/token", content=form + b"a" * length, headers=headers)
        for length in (4_096 - len(form), 4_097 - len(form))
    ]
    assert [answer.status_code for answer in statuses] == [200, 413]


def test_a_last_answer_holds_up_nobody_when_the_service_ends(bundle_file: Path, tmp_path: Path) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words, patience="3600", drain="3600") as server, server.connect() as idle:
        idle.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
        assert b" 400 " in idle.recv(65_536)
        server.process.terminate()
        assert until(lambda: server.process.poll() is not None)
