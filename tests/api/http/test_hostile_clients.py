"""Clients that are slow, wrong or greedy are refused, and hold up nobody else."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from api.conftest import FLIGHT, Server, answer_of, request_of, running

LIMIT = 4096
ASKED = json.dumps({"flights": [FLIGHT]}).encode()


@pytest.fixture(scope="module")
def server(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path_factory.mktemp("state")))
    with running(*words, patience="1", body_limit=str(LIMIT)) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> httpx.Client:
    return server.client


def status_of(answer: bytes) -> int:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"x-content-type-options: nosniff" in head
    status = int(head.split()[1])
    assert json.loads(body)["status"] == status
    return status


STOPPED = {
    "before the first byte": b"",
    "in the request line": b"POST /pre",
    "in the headers": request_of(ASKED)[:40],
    "in the body": request_of(ASKED)[:-9],
    "in a chunk": request_of(b"ff\r\n{", transfer_encoding="chunked"),
}


@pytest.mark.parametrize("where", STOPPED)
def test_a_client_that_stops_is_told_so_and_holds_up_nobody(server: Server, where: str) -> None:
    with ExitStack() as opened:
        slow = [opened.enter_context(server.connect()) for _ in range(30)]
        for connection in slow:
            connection.sendall(STOPPED[where])
        assert server.client.post("/predict", json={"flights": [FLIGHT]}).status_code == 200
        assert [status_of(answer_of(connection)) for connection in slow] == [408] * 30


DRIBBLED = {
    "headers": (request_of(ASKED)[:40], b"a"),
    "a body": (request_of(b" " * 4000)[:-4000], b" "),
    "chunks": (request_of(b"", transfer_encoding="chunked"), b"1\r\n \r\n"),
    "blank lines": (request_of(b"", "/livez", "GET"), b"\r\n"),
}


@pytest.mark.parametrize("what", DRIBBLED)
def test_a_client_that_dribbles_is_told_so_however_long_it_goes_on(server: Server, what: str) -> None:
    begun, more = DRIBBLED[what]
    with server.connect() as slow:
        slow.sendall(begun)
        slow.settimeout(0.1)
        received = b""
        # Far longer than the patience of the server.
        for _ in range(1000):
            try:
                slow.sendall(more)
                received += slow.recv(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if b" 408 " in received:
                break
        slow.settimeout(60)
        received += answer_of(slow)
    assert status_of(received[received.index(b"HTTP/1.1 408 ") :]) == 408


def test_a_connection_that_asks_again_in_time_stays_open(server: Server) -> None:
    with server.connect() as patient:
        for _ in range(3):
            patient.sendall(request_of(ASKED)[:100])
            patient.sendall(request_of(ASKED)[100:])
            answer = b""
            while b'"support"' not in answer:
                answer += patient.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200")


def test_an_idle_connection_stays_open_as_long_as_it_is_told_to(bundle_file: Path, tmp_path: Path) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words, keep_alive="7") as server, server.connect() as idle:
        idle.sendall(request_of(ASKED))
        began = time.monotonic()
        assert answer_of(idle).startswith(b"HTTP/1.1 200")
        # Uvicorn's own five seconds are fewer than a load balancer's sixty.
        assert 7 <= time.monotonic() - began < 60


@pytest.mark.parametrize(
    "sent",
    [
        request_of(b"", content_length="99999999").replace(b"content-length: 0\r\n", b""),
        request_of(b" " * (LIMIT + 1)),
        request_of(b"2000\r\n" + b" " * 0x2000 + b"\r\n0\r\n\r\n", transfer_encoding="chunked"),
        request_of(b"".join([b"400\r\n" + b" " * 0x400 + b"\r\n"] * 5), transfer_encoding="chunked"),
    ],
    ids=["announced", "sent", "in one chunk", "in chunks without end"],
)
def test_a_body_that_is_too_large_is_refused_and_the_limit_told(server: Server, sent: bytes) -> None:
    with server.connect() as greedy:
        greedy.sendall(sent)
        answer = answer_of(greedy)
    assert status_of(answer) == 413
    assert f"larger than {LIMIT:,} bytes".encode() in answer


def test_a_body_as_large_as_the_limit_is_read(client: httpx.Client) -> None:
    body = ASKED + b" " * (LIMIT - len(ASKED))
    assert (
        client.post("/predict", content=body, headers={"content-type": "application/json"}).status_code == 200
    )


def test_headers_without_end_are_refused(server: Server) -> None:
    with server.connect() as greedy:
        greedy.sendall(b"GET /livez HTTP/1.1\r\nhost: puntual\r\n" + b"x: " + b"a" * 65_536)
        assert status_of(answer_of(greedy)) == 431


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: puntual\r\n\r\n",
        request_of(ASKED, content_length="many").replace(b"content-length: %d\r\n" % len(ASKED), b""),
        # Two lengths, of which a proxy may have believed the other one.
        request_of(b"0\r\n\r\n", transfer_encoding="chunked", content_length="5"),
        request_of(ASKED, content_length="3"),
        request_of(b"zz\r\n\r\n", transfer_encoding="chunked"),
    ],
)
def test_what_is_no_http_is_refused_as_all_else_is(server: Server, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        assert status_of(answer_of(connection)) == 400


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[1,", "not valid JSON"),
        (b'{"flights": [{"airline": 7}, ', "not valid JSON"),
        (b'{"flights": "\xff"}', "not valid JSON"),
        (b'{"flights":' + b"[" * 3000, "not valid JSON"),
        (b'{"flights": ["\\ud800"]}', "not valid JSON"),
        (b'{"flights": [], "flights": [%s]}' % json.dumps(FLIGHT).encode(), "1 field"),
        (b"null", "1 field"),
        (b'{"flights": {}}', "1 field"),
    ],
)
def test_a_malformed_body_is_refused(client: httpx.Client, body: bytes, message: str) -> None:
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert message in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON ; charset=utf-8", 200),
        ("application/jsonlines", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
def test_the_media_type_is_read_whole_and_in_any_case(client: httpx.Client, kind: str, status: int) -> None:
    assert client.post("/predict", content=ASKED, headers={"content-type": kind}).status_code == status


def test_a_connection_that_ends_in_a_body_leaves_the_service_well(server: Server) -> None:
    for _ in range(20):
        connection = server.connect()
        connection.sendall(request_of(ASKED)[:-9])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    assert server.client.post("/predict", json={"flights": [FLIGHT]}).status_code == 200
    assert "Traceback" not in server.messages.read_text()


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_a_request_that_would_rather_speak_another_protocol_is_read_with_its_body(
    server: Server, protocol: str
) -> None:
    # As Java's own client asks of every server at first.
    headers = {
        "connection": "Upgrade, HTTP2-Settings",
        "http2_settings": "AAEAAEAAAAIAAAAB",
        "upgrade": protocol,
    }
    with server.connect() as connection:
        connection.sendall(request_of(ASKED, **headers) * 2 + request_of(b"", "/livez", "GET", **headers))
        answers = b""
        while answers.count(b"HTTP/1.1") < 3 and (part := connection.recv(65_536)):
            answers += part
    assert statuses_in(answers) == [200, 200, 200]


def test_a_client_that_says_nothing_more_is_answered_what_it_asked(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request_of(ASKED) * 2)
        connection.shutdown(socket.SHUT_WR)
        answers = answer_of(connection)
    assert statuses_in(answers) == [200, 200]


def test_a_client_that_says_nothing_more_is_answered_however_fast_the_answer_is(server: Server) -> None:
    request = request_of(b"", "/livez", "GET")
    # An answer that needs no thought is ready as the other side ends, and was thrown away most of the time.
    for _ in range(30):
        with server.connect() as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            assert statuses_in(answer_of(connection)) == [200]


BEHIND = {
    "garbage": (b"BAD\r\n\r\n", 400),
    "no host": (b"GET /livez HTTP/1.1\r\n\r\n", 400),
    "a long path": (request_of(b"", "/" + "a" * 9000, "GET"), 414),
    "a broken body": (request_of(b"zz\r\n", transfer_encoding="chunked"), 400),
}


@pytest.mark.parametrize("what", BEHIND)
def test_what_is_refused_waits_for_the_answers_to_the_requests_ahead_of_it(server: Server, what: str) -> None:
    refused, status = BEHIND[what]
    with server.connect() as connection:
        connection.sendall(request_of(ASKED) * 2 + refused + request_of(ASKED))
        answers = b""
        while part := connection.recv(65_536):
            answers += part
    assert statuses_in(answers) == [200, 200, status]


def statuses_in(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1.1 ([0-9]{3}) ", answers)]


NOWHERE = request_of(ASKED, "/nowhere")
ANSWERED = {
    "at once": (request_of(b"{"), b"", b"400"),
    "before its body came": (NOWHERE[: -len(ASKED)], ASKED, b"404"),
}


@pytest.mark.parametrize("when", ANSWERED)
def test_a_connection_that_is_idle_after_an_answer_is_not_told_to_hurry(server: Server, when: str) -> None:
    sent, late, status = ANSWERED[when]
    with server.connect() as idle:
        idle.sendall(sent)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            answer += idle.recv(65_536)
        assert answer.split()[1] == status
        idle.sendall(late)
        # Twice the patience of the server.
        time.sleep(2)
        idle.sendall(request_of(b"", "/livez", "GET", connection="close"))
        assert answer_of(idle).startswith(b"HTTP/1.1 200 ")
