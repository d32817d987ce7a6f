"""The bench of events: what it sends is taken whole, none of it twice, and a refused batch is sent again."""

from datetime import UTC, datetime
from itertools import islice

import httpx
import msgspec
import pytest

from benchmarks.events import service
from benchmarks.events.days import day_of, of_months, of_this_hour
from benchmarks.events.service import Event, in_batches, sending
from puntual.operations.event_reading import read_events


@pytest.mark.parametrize(
    "events", [day_of(0, 40) + day_of(1, 40), list(islice(of_this_hour(), 500)), list(islice(of_months(500), 500))]
)  # fmt: skip
def test_all_that_the_bench_sends_is_new_and_taken(events: list[Event]) -> None:
    read = read_events([msgspec.Raw(msgspec.json.encode(event)) for event in events], datetime.now(UTC))
    assert read.refused == []
    assert len({event.content_key for event in read.events}) == len(events)


def test_events_come_in_batches_as_long_as_there_are_any() -> None:
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_a_batch_that_is_refused_for_now_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[list[Event]] = []

    class Refusing:
        def __init__(self, url: str) -> None:
            del url

        def send(self, events: list[Event]) -> int:
            sent.append(events)
            if len(sent) == 2:
                answer = httpx.Response(503, request=httpx.Request("POST", "http://puntual/events"))
                raise httpx.HTTPStatusError("", request=answer.request, response=answer)
            return len(events)

    monkeypatch.setattr(service, "Sender", Refusing)
    batches = in_batches(({"number": number} for number in range(1_000_000)), 2)
    with sending("http://puntual", batches, 1_000) as acknowledged:
        while len(sent) < 4:
            pass
    assert acknowledged[:4] == [2, 0, 2, 2][: len(acknowledged)]
    assert sent[1] == sent[2] != sent[3]
