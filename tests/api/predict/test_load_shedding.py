"""Beyond the queue requests are refused at once, and what is accepted is answered."""

import asyncio
import json
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.conftest import FLIGHT, Server, answer_of, request_of, running
from puntual.api.observability.metrics import Metrics
from puntual.api.predict.contract import PredictRequest, ScheduledFlight
from puntual.api.predict.flight_resolution import keys_of
from puntual.api.predict.microbatch import MicroBatcher
from puntual.features.timetable import known_timetable
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle

QUEUE = 8


def at_once(server: Server, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """Send requests that the server finds all together, for it is held still meanwhile."""
    with ExitStack() as opened:
        connections = [opened.enter_context(server.connect()) for _ in bodies]
        for connection in connections:
            connection.sendall(request_of(b"", "/livez", "GET"))
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        server.signal(signal.SIGSTOP)
        for connection, body in zip(connections, bodies, strict=True):
            connection.sendall(request_of(json.dumps(body).encode(), connection="close"))
        server.signal(signal.SIGCONT)
        return [parsed(answer_of(connection)) for connection in connections]


def parsed(answer: bytes) -> httpx.Response:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines]
    return httpx.Response(int(first.split()[1]), headers=headers, content=body)  # type: ignore[arg-type]


def test_what_does_not_fit_the_queue_is_told_when_to_come_back(bundle_file: Path, tmp_path: Path) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words, queue=str(QUEUE)) as server:
        expected = server.client.post("/predict", json={"flights": [FLIGHT]}).json()
        answers = at_once(server, [{"flights": [FLIGHT]}] * 40)
        assert Counter(answer.status_code for answer in answers).keys() == {200, 503}
        assert all(answer.json() == expected for answer in answers if answer.status_code == 200)
        for refused in (answer for answer in answers if answer.status_code == 503):
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["content-type"] == "application/problem+json"
            assert f"{QUEUE} flights wait already, of {QUEUE} that may" in refused.json()["detail"]
        # No batch was longer than the queue, which bounds how long what is in it waits.
        batches = server.metric("puntual_batch_flights_count")
        assert server.metric("puntual_batch_flights_bucket", le=f"{QUEUE}.0") == batches
        assert server.metric("puntual_waiting_flights") == 0
        shed = sum(answer.status_code == 503 for answer in answers)
        assert server.metric("puntual_refused_total", reason="service_unavailable") == shed
        assert server.client.post("/predict", json={"flights": [FLIGHT]}).json() == expected


def test_a_long_request_takes_the_place_of_other_long_ones_and_of_no_short_one(
    bundle_file: Path, tmp_path: Path
) -> None:
    long = {"flights": [FLIGHT] * 500, "reasons": True}
    short = {"flights": [FLIGHT]}
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        answers = at_once(server, [long, long, long, short, short])
        assert sorted(answer.status_code for answer in answers[:3]) == [200, 503, 503]
        assert [answer.status_code for answer in answers[3:]] == [200, 200]


class Counted(ThreadPoolExecutor):
    """Threads that count what they are given to do."""

    given = 0

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Any:
        self.given += 1
        return super().submit(work, *arguments, **named)


@pytest.mark.parametrize(("flights", "threads"), [(1, 0), (32, 0), (33, 1), (256, 1)])
def test_more_than_thirty_two_flights_leave_the_loop(made_bundle: Bundle, flights: int, threads: int) -> None:
    request = PredictRequest(
        [
            ScheduledFlight("JFK", "MIA", "2023-04-20T10:30", airline="AA", flight_number=str(number))
            for number in range(flights)
        ]
    )
    with Counted(1) as executor:
        batcher = MicroBatcher(
            Predictor(made_bundle),
            known_timetable(keys_of([])),
            queue=4_096,
            executor=executor,
            measured=Metrics(),
        )
        answered = asyncio.run(
            batcher.answer(request, datetime(2023, 4, 19, tzinfo=UTC), lambda answered: answered)
        )
        assert len(answered.predictions) == flights
        assert executor.given == threads
