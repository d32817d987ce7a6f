"""The service that is told events, on one processor, and who sends them, from the other."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from benchmarks.serving.servers import SERVER_CPU
from puntual.prediction.predictor import Predictor
from puntual.stress.servers import Running, free_port, started
from puntual.stress.trial import Trial, serve_command

Event = dict[str, Any]
T = TypeVar("T")


@dataclass
class EventBench:
    """The model that is served, and where."""

    stack: ExitStack
    folder: Path
    registry: str
    version: str

    @cached_property
    def predictor(self) -> Predictor:
        """The model itself."""
        return Predictor.load(self.registry, self.version)

    @contextmanager
    def service(self, name: str) -> Iterator[Running]:
        """Run a service with a state folder of that name, which may be there already."""
        place, port = self.folder / name, free_port()
        place.mkdir(parents=True, exist_ok=True)
        words = serve_command(Trial(registry=self.registry, bundle=self.version), port, place)
        with started(words, port, place / "server.log", ready="/readyz", cpu=SERVER_CPU) as running:
            yield running


def in_batches(events: Iterable[T], size: int) -> Iterator[list[T]]:
    """Give events some at a time, as long as there are any."""
    left = iter(events)
    return iter(lambda: list(islice(left, size)), [])


class Sender:
    """Tells a service of events on a connection that it keeps."""

    def __init__(self, url: str) -> None:
        """Name the service."""
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def send(self, events: Sequence[Event]) -> int:
        """Send a batch, and count the events that were new; raise where it is not taken whole."""
        taken = self._client.post("/events", json={"events": list(events)}).raise_for_status().json()
        if taken["refused"]:
            raise ValueError(f"refused: {taken['refused'][0]}")
        return int(taken["applied"])

    def board(self, **period: str) -> Any:
        """Ask for a board."""
        return msgspec.json.decode(self.board_unread(**period))

    def board_unread(self, **period: str) -> bytes:
        """Ask for a board, and leave it as it comes: to decode it would keep the other threads of this process."""
        return self._client.get("/flights", params=period).raise_for_status().content


@contextmanager
def sending(url: str, batches: Iterator[list[Event]], a_second: float) -> Iterator[list[int]]:
    """Send so many batches a second while the block lasts, and count the events of each that was acknowledged.

    One that is refused because the journal takes none now counts as 0, and is sent again.
    """
    acknowledged: list[int] = []
    ended = threading.Event()

    def send_on() -> None:
        sender, due = Sender(url), time.monotonic()
        batch = next(batches)
        while not ended.wait(max(0.0, due - time.monotonic())):
            try:
                acknowledged.append(sender.send(batch))
                batch = next(batches)
            except httpx.HTTPStatusError as error:
                if error.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    raise
                acknowledged.append(0)
            due += 1 / a_second

    thread = threading.Thread(target=send_on, daemon=True)
    thread.start()
    try:
        yield acknowledged
    finally:
        ended.set()
        thread.join()
