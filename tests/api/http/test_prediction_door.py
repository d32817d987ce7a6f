"""A request for predictions gets the same answer on its connection as from the application, whatever comes with it."""

import json
import re
import socket
from pathlib import Path

import pytest

from api.conftest import FLIGHT, Server, request_of, running

ASKED = json.dumps({"flights": [FLIGHT], "as_of": "2023-04-19T12:00"}).encode()


def exchange(server: Server, *parts: bytes) -> list[bytes]:
    """Send parts of requests, each once the server has had time for the one before, and give all answers."""
    with server.connect() as connection:
        for part in parts[:-1]:
            connection.sendall(part)
            # Whatever is asked elsewhere is answered after what came before.
            server.client.get("/livez")
        connection.sendall(parts[-1])
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    return [b"HTTP/1.1 " + one for one in answer.split(b"HTTP/1.1 ")[1:]]


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


LAST = request_of(ASKED, connection="close")
HEAD = LAST.removesuffix(ASKED)
WAYS = {
    "body after head": (HEAD, ASKED),
    "body in two": (HEAD + ASKED[:40], ASKED[40:]),
    "head in two": (LAST[:30], LAST[30:]),
    "with a charset": (LAST.replace(b"application/json", b"application/json; charset=utf-8"),),
    "in chunks": (
        request_of(
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(ASKED), ASKED), connection="close", transfer_encoding="chunked"
        ),
    ),
    "without keeping the connection": (LAST.replace(b"HTTP/1.1", b"HTTP/1.0"),),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_request_is_answered_to_the_byte_alike_whichever_way_it_arrives(server: Server, way: str) -> None:
    (whole,) = exchange(server, LAST)
    (answer,) = exchange(server, *WAYS[way])
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body_of(answer) == body_of(whole)


def test_a_connection_is_kept_or_closed_as_its_client_asks(server: Server) -> None:
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(request_of(ASKED))
            answer = b""
            while not answer.endswith(b"]}"):
                answer += connection.recv(65_536)
            assert b"connection: close" not in answer
        connection.sendall(LAST)
        assert b"\r\nconnection: close\r\n" in b"".join(iter(lambda: connection.recv(65_536), b""))


def test_requests_behind_each_other_are_answered_in_their_order(server: Server) -> None:
    bad = b'{"flights": []}'
    ids = [str(number) for number in range(6)]
    bodies = [ASKED, bad, ASKED, ASKED, bad, ASKED]
    requests = [
        request_of(body, x_request_id=name, **({"connection": "close"} if name == "5" else {}))
        for name, body in zip(ids, bodies, strict=True)
    ]
    answers = exchange(server, b"".join(requests))
    assert [int(answer.split()[1]) for answer in answers] == [200, 400, 200, 200, 400, 200]
    assert [re.findall(rb"x-request-id: (\S+)", answer) for answer in answers] == [
        [name.encode()] for name in ids
    ]


@pytest.mark.parametrize(
    "flight",
    [{"origin": "XXQ"}, {"airline": "A-"}, {"airline": "É1"}, {"flight_number": "1\n"}, {"more": 1}],
    ids=["airport", "sign", "accent", "line end", "field"],
)
def test_what_is_refused_is_refused_alike_on_both_ways(server: Server, flight: dict[str, str]) -> None:
    body = json.dumps({"flights": [FLIGHT | flight]}).encode()
    last = request_of(body, connection="close")
    (prompt,), (other,) = exchange(server, last), exchange(server, last.removesuffix(body), body)
    assert int(prompt.split()[1]) in (400, 422)
    assert prompt.splitlines()[0] == other.splitlines()[0]
    assert body_of(prompt) == body_of(other)


def test_a_horizon_is_that_of_its_own_request_though_the_prediction_is_kept(server: Server) -> None:
    def horizon(as_of: str) -> int:
        answer = server.client.post("/predict", json={"flights": [FLIGHT], "as_of": as_of}).json()
        minutes: int = answer["predictions"][0]["horizon_minutes"]
        return minutes

    assert [horizon(f"2023-04-20T0{hour}:30") for hour in (8, 7, 8)] == [120, 180, 120]


def test_a_client_that_says_nothing_more_after_its_flights_is_answered(bundle_file: Path) -> None:
    body = (
        b'{"flights":[{"airline":"LA","flight_number":"1","origin":"SCL","destination":"MIA",'
        b'"scheduled_departure":"2025-01-02T10:00"}]}'
    )
    head = b"POST /predict HTTP/1.1\r\nhost: puntual\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    with (
        running("--bundle", str(bundle_file), "--no-auth", journal="off") as server,
        server.connect() as client,
    ):
        client.sendall(head % len(body) + body)
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"}")
