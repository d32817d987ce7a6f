"""How many predictions a killed service loses: `python -m benchmarks.journal_window`, with options of `puntual serve`.

The service is asked without pause on several connections and killed by SIGKILL; what was answered and is not in the
journal is counted, and how long before the kill the oldest of it was answered.
"""

import itertools
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from puntual.stress.servers import free_port

ROUNDS, CONNECTIONS, SECONDS = 5, 8, 2.0
FLIGHT = {
    "airline": "AA",
    "flight_number": "1",
    "origin": "JFK",
    "destination": "MIA",
    "scheduled_departure": "2030-04-20T10:30",
}


def main(words: list[str]) -> None:
    """Print the loss of each round."""
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as state:
            answered, killed = _ask_and_kill(words, state)
            written = _written(state)
        lost = [moment for request_id, moment in answered.items() if request_id not in written]
        window = killed - min(lost, default=killed)
        print(
            f"round {number + 1}: {len(answered)} answered, {len(lost)} lost, "
            f"the oldest {window:.2f} s before the kill"
        )


def _ask_and_kill(words: list[str], state: str) -> tuple[dict[str, float], float]:
    """Give when each request was answered, by its id, and when the service was killed."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "puntual", "serve", "--port", str(port), "--state", state, *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        numbers, answered = itertools.count(), dict[str, float]()
        _wait_for(url)
        # The database is opened for the first prediction.
        _ask(httpx.Client(base_url=url), "first")
        while not _written(state):
            time.sleep(0.1)
        askers = [threading.Thread(target=_ask_on, args=(url, numbers, answered)) for _ in range(CONNECTIONS)]
        for asker in askers:
            asker.start()
        time.sleep(SECONDS)
        process.kill()
        killed = time.monotonic()
        for asker in askers:
            asker.join()
    return answered, killed


def _ask_on(url: str, numbers: Any, answered: dict[str, float]) -> None:
    with httpx.Client(base_url=url) as client:
        for number in numbers:
            try:
                _ask(client, str(number))
            except httpx.TransportError:
                return
            answered[str(number)] = time.monotonic()


def _ask(client: httpx.Client, request_id: str) -> None:
    headers = {"x-request-id": request_id}
    client.post("/predict", json={"flights": [FLIGHT]}, headers=headers).raise_for_status()


def _written(state: str) -> set[str]:
    with closing(sqlite3.connect(Path(state) / "journal.db")) as journal:
        try:
            return {row[0] for row in journal.execute("SELECT request_id FROM predictions")}
        except sqlite3.OperationalError:
            return set()


def _wait_for(url: str) -> None:
    while True:
        try:
            httpx.get(f"{url}/readyz").raise_for_status()
        except (httpx.TransportError, httpx.HTTPStatusError):
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
