"""Looking for something again and again, for a limited time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Polled = TypeVar("Polled")


@dataclass(frozen=True)
class Poller:
    """How long to wait for something, and how long between two looks at it, in seconds."""

    seconds: float
    every: float

    def until(self, look: Callable[[], Polled | None]) -> Polled | None:
        """Look until there is something; None when there was nothing within the time.

        >>> looks = iter([None, None, "there"])
        >>> Poller(seconds=5, every=0).until(lambda: next(looks))
        'there'
        >>> Poller(seconds=0, every=0).until(lambda: None) is None
        True
        """
        end = time.monotonic() + self.seconds
        while True:
            outcome = look()
            if outcome is not None:
                return outcome
            if time.monotonic() + self.every > end:
                return None
            time.sleep(self.every)
