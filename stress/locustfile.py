r"""Ask about varied flights and check every answer, where wrk is not installed.

`puntual stress` runs it; by hand:

    puntual stress --keep requests
    PUNTUAL_STRESS_FOLDER=requests locust -f stress/locustfile.py --headless -u 16 -r 16 -t 30s \
        --host http://127.0.0.1:8000/predict

It reads and writes the same files as predict.lua.
"""

import json
import mmap
import os
import time
from array import array
from collections import Counter
from itertools import count
from pathlib import Path

import gevent
from locust import FastHttpUser, constant, events, task
from locust.env import Environment
from locust.exception import StopUser

FOLDER = Path(os.environ["PUNTUAL_STRESS_FOLDER"])
RESPONSES = int(os.environ.get("PUNTUAL_STRESS_RESPONSES", "0"))
PAUSE = float(os.environ.get("PUNTUAL_STRESS_DELAY_MS", "0")) / 1000
KEY = os.environ.get("PUNTUAL_API_KEY")
FIRST = int(os.environ.get("PUNTUAL_STRESS_FIRST", "0"))
MOST_KEPT = 100_000
ANSWERS = FOLDER / "answers.txt"


class Lines:
    """The lines of a file, which stay in the file until they are read."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.starts = array("Q", [0])
        while (end := self.content.find(b"\n", self.starts[-1])) >= 0:
            self.starts.append(end + 1)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, place: int) -> bytes:
        return self.content[self.starts[place] : self.starts[place + 1] - 1]


class Seen:
    """What all users together have seen."""

    def __init__(self) -> None:
        self.bodies = Lines(FOLDER / "requests.txt")
        self.expected = Lines(ANSWERS) if ANSWERS.exists() else None
        self.numbers = count()
        self.counts: Counter[str] = Counter()
        self.latency: Counter[int] = Counter()
        self.differing: Counter[tuple[int, bytes]] = Counter()
        self.first = self.last = 0.0

    def check(self, number: int, body: bytes) -> None:
        """Compare an answer with what is expected, byte by byte."""
        if self.expected is None or body == self.expected[number - 1]:
            return
        self.counts["differing"] += 1
        answer = (number, body.translate(None, b"\r\n\t"))
        if answer in self.differing or len(self.differing) < MOST_KEPT:
            self.differing[answer] += 1
        else:
            self.counts["uninspected"] += 1

    def write(self) -> None:
        """Write down what was seen."""
        names = (
            "answered",
            "refused",
            "connect",
            "read",
            "write",
            "timeout",
            "unmatched",
            "differing",
            "uninspected",
            "came_round",
        )
        result = {name: self.counts[name] for name in names}
        result |= {"seconds": self.last - self.first, "latency": sorted(self.latency.items())}
        (FOLDER / "result.json").write_text(json.dumps(result))
        rows = (b"%d\t%d\t%b\n" % (times, number, body) for (number, body), times in self.differing.items())
        (FOLDER / "differing.tsv").write_bytes(b"".join(rows))


SEEN = Seen()


class Caller(FastHttpUser):
    """Asks one request after another."""

    wait_time = constant(PAUSE)

    @task
    def ask(self) -> None:
        """Send the next request, and note how it was answered."""
        number = next(SEEN.numbers)
        if RESPONSES and number >= RESPONSES:
            raise StopUser
        SEEN.counts["came_round"] += number >= len(SEEN.bodies)
        number = (FIRST + number) % len(SEEN.bodies) + 1
        headers = {"Content-Type": "application/json", "X-Request-Id": str(number)}
        if KEY:
            headers["X-API-Key"] = KEY
        started = time.perf_counter()
        SEEN.first = SEEN.first or started
        answer = self.client.post("", data=SEEN.bodies[number - 1], headers=headers)
        SEEN.last = time.perf_counter()
        if answer.status_code == 0:
            SEEN.counts["connect"] += 1
            return
        SEEN.counts["answered"] += 1
        SEEN.latency[round((SEEN.last - started) * 1e6)] += 1
        if not answer.ok:
            SEEN.counts["refused"] += 1
        elif answer.headers.get("x-request-id") != str(number):
            SEEN.counts["unmatched"] += SEEN.expected is not None
        else:
            SEEN.check(number, answer.content or b"")
        if SEEN.counts["answered"] + SEEN.counts["connect"] == RESPONSES and self.environment.runner:
            # Not from within a user, which quitting would wait for.
            gevent.spawn(self.environment.runner.quit)


@events.quitting.add_listener
def write(environment: Environment, **_: object) -> None:
    """Write the outcome when locust ends, which is a success whatever the service did."""
    SEEN.write()
    environment.process_exit_code = 0
