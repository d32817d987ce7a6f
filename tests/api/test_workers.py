"""Workers that are killed are replaced, and a service that is told to end ends when it has answered."""

import json
import os
import signal
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from api.conftest import FLIGHT, Server, answer_of, as_requested, is_listened_on, request_of, running, until
from puntual import Predictor

AS_OF = "2023-04-20T08:00"
ASKED = json.dumps({"flights": [FLIGHT]}).encode()


def words(bundle_file: Path, state: Path, workers: int) -> tuple[str, ...]:
    return ("--bundle", str(bundle_file), "--state", str(state), "--workers", str(workers))


def test_a_killed_worker_is_replaced_and_the_other_answers_meanwhile(
    bundle_file: Path, tmp_path: Path
) -> None:
    with running(*words(bundle_file, tmp_path, 2)) as server:
        assert until(lambda: len(server.workers()) == 2)
        first = server.workers()
        ended, statuses = threading.Event(), list[int]()
        askers = [threading.Thread(target=ask_on, args=(server, ended, statuses)) for _ in range(3)]
        for asker in askers:
            asker.start()
        try:
            assert until(lambda: len(statuses) > 20)
            os.kill(first[0], signal.SIGKILL)
            assert until(lambda: len(server.workers()) == 2 and first[0] not in server.workers())
            answered = len(statuses)
            assert until(lambda: len(statuses) > answered + 20)
        finally:
            ended.set()
            for asker in askers:
                asker.join()
        assert set(statuses) == {200}
        assert first[1] in server.workers()


def ask_on(server: Server, ended: threading.Event, statuses: list[int]) -> None:
    """Ask until told to stop; a connection that the killed worker held ends, and another is opened."""
    while not ended.is_set():
        with httpx.Client(base_url=server.url, timeout=60) as client:
            try:
                while not ended.is_set():
                    statuses.append(client.post("/predict", json={"flights": [FLIGHT]}).status_code)
            except httpx.TransportError:
                continue


@pytest.mark.parametrize("workers", [1, 2])
def test_on_sigterm_the_request_in_flight_is_answered_and_the_service_ends(
    bundle_file: Path, tmp_path: Path, workers: int
) -> None:
    with running(*words(bundle_file, tmp_path, workers)) as server:
        with server.connect() as connection:
            head, body = request_of(ASKED, expect="100-continue").split(b"\r\n\r\n")
            connection.sendall(head + b"\r\n\r\n")
            # Told to go on, the request is in flight: it is waited for.
            assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
            server.signal(signal.SIGTERM)
            if workers == 1:
                assert until(lambda: not is_listened_on(server.port))
            else:
                assert until(lambda: b"Waiting for connections to close" in server.messages.read_bytes())
            assert server.process.poll() is None
            connection.sendall(body)
            answer = answer_of(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert until(lambda: server.process.poll() is not None)
        assert "Traceback" not in server.messages.read_text()


def test_a_request_that_never_ends_is_not_waited_for_longer_than_the_drain(
    bundle_file: Path, tmp_path: Path
) -> None:
    with (
        running(*words(bundle_file, tmp_path, 1), drain="1", patience="3600") as server,
        server.connect() as connection,
    ):
        connection.sendall(request_of(ASKED, expect="100-continue")[: -len(ASKED)])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
        server.signal(signal.SIGTERM)
        assert until(lambda: server.process.poll() is not None)


def test_metrics_of_a_killed_worker_stay_counted(bundle_file: Path, tmp_path: Path) -> None:
    with running(*words(bundle_file, tmp_path, 2), poll="0.1") as server:
        assert until(lambda: len(server.workers()) == 2)

        def counted() -> float:
            return server.metric("puntual_request_seconds_count", route="/predict", status="200")

        ask(server, 40)
        assert until(lambda: counted() == 40)
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
            assert until(lambda worker=worker: len(server.workers()) == 2 and worker not in server.workers())
            assert until(lambda: alive(server))
            assert counted() == 40
        ask(server, 5)
        assert until(lambda: counted() == 45)


def ask(server: Server, times: int) -> None:
    for _ in range(times):
        # Each on a connection of its own, so that either worker may take it.
        answer = httpx.post(f"{server.url}/predict", json={"flights": [FLIGHT]}, timeout=60)
        assert answer.status_code == 200


def alive(server: Server) -> bool:
    try:
        return server.client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


def test_answers_to_many_callers_at_once_are_the_predictors_to_the_bit(
    bundle_file: Path, tmp_path: Path, made_flights: pl.DataFrame
) -> None:
    some = made_flights.sample(60, seed=4)
    predictor = Predictor.load("models", str(bundle_file), threads=1)
    bands = predictor.predict(some, datetime.fromisoformat(AS_OF), timetable_of=some.clear()).bands.tolist()
    with running(*words(bundle_file, tmp_path, 2)) as server:
        wrong: list[Any] = []
        threads = [
            threading.Thread(target=compare, args=(server, as_requested(some), bands, first, wrong))
            for first in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def compare(server: Server, flights: list[Any], bands: list[Any], first: int, wrong: list[Any]) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for size in (1, 3, 7, 20):
            for start in range(first, len(flights) - size, 8):
                part = slice(start, start + size)
                answer = client.post("/predict", json={"flights": flights[part], "as_of": AS_OF})
                predictions = answer.raise_for_status().json()["predictions"]
                if [list(one["bands"].values()) for one in predictions] != bands[part]:
                    wrong.append((start, size, answer.text))
