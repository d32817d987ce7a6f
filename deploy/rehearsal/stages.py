"""Tells what goes on, stage by stage, and how long each took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """The stages so far with their seconds."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, what: str) -> Iterator[None]:
        """Say what is done while the block lasts, and how long it took; a failure is told as one."""
        began = time.monotonic()
        print(f"  …    {what}", flush=True)
        try:
            yield
        except BaseException:
            print(f"FAILED {time.monotonic() - began:6.1f} s  {what}", flush=True)
            raise
        self.seconds[what] = time.monotonic() - began
        print(f"  ok   {self.seconds[what]:6.1f} s  {what}", flush=True)

    def total(self) -> float:
        """Give the seconds since the beginning."""
        return time.monotonic() - self._started
