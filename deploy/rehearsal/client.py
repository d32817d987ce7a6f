"""Someone who keeps asking for predictions, and counts what he is told."""

import threading
import time
from collections import Counter

import httpx

FLIGHT = {
    "airline": "LAN",
    "flight_number": "226",
    "origin": "SCL",
    "destination": "MIA",
    "scheduled_departure": "2017-10-03T23:30",
}


class Client:
    """Asks through the load balancer from a thread of its own, until it is told to stop."""

    def __init__(self, url: str, key: str, pause: float = 0.05) -> None:
        self._url, self._key, self._pause = url, key, pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return self.versions.total() + len(self.failures)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        headers = {"x-api-key": self._key}
        with httpx.Client(base_url=self._url, headers=headers, timeout=30, trust_env=False) as client:
            while not self._ended.is_set():
                try:
                    answer = client.post("/predict", json={"flights": [FLIGHT]})
                    answer.raise_for_status()
                    self.versions[answer.json()["model"]["version"]] += 1
                except (httpx.HTTPError, KeyError, ValueError) as error:
                    self.failures.append(f"{time.strftime('%H:%M:%S')} {error!r}")
                time.sleep(self._pause)
