"""One line of JSON for each request, written many at a time by a thread of its own."""

import threading
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

import msgspec

from puntual.api.auth.api_keys import ANONYMOUS

_PAUSE = 0.2
# More than this many unwritten lines mean that nobody reads them; the oldest are dropped.
_MOST_WAITING = 100_000
_LONGEST_TEXT = 500
_ENCODER = msgspec.json.Encoder()


class AccessLine(msgspec.Struct, gc=False):
    """What is kept of one request: who asked for what, and what came of it."""

    time: str
    method: str
    path: str
    status: int
    milliseconds: float
    request_id: str
    traceparent: str | None
    key: str
    peer: str
    reason: str | None
    model: str


class AccessLog:
    """Takes lines on the request path, and writes them beside it."""

    def __init__(self, stream: TextIO | None) -> None:
        """Write to a stream, or nowhere."""
        self._stream = stream
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="puntual-log", daemon=True)

    def start(self) -> None:
        """Start to write."""
        if self._stream is not None:
            self._thread.start()

    def add(
        self,
        method: str,
        path: str,
        status: int,
        seconds: float,
        *,
        request_id: str,
        peer: str,
        traceparent: str | None = None,
        key: str = ANONYMOUS,
        reason: str | None = None,
        model: str = "",
    ) -> None:
        """Take a line; `reason` is why a request was refused."""
        if self._stream is None:
            return
        line = AccessLine(
            _written(int(time.time() * 1000)),
            method,
            path[:_LONGEST_TEXT],
            status,
            # What `round` says, in a fourth of its time.
            int(seconds * 1_000_000 + 0.5) / 1000,
            request_id,
            traceparent,
            key,
            peer,
            None if reason is None else reason[:_LONGEST_TEXT],
            model,
        )
        # Written out here: a thread that did it would hold up the answers by taking turns with them.
        self._waiting.append(_ENCODER.encode(line))

    def close(self) -> None:
        """Write what waits, and end."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _write_on(self) -> None:
        while not self._ended.wait(_PAUSE):
            self._write()
        self._write()

    def _write(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not lines or self._stream is None:
            return
        text = b"\n".join([*lines, b""]).decode()
        try:
            self._stream.write(text)
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            # Whoever read the log is gone; requests are answered all the same.
            self._stream = None
        except OSError:
            # A full disk may have room again for the lines to come; these are lost.
            return


# Many requests are answered in a millisecond, and to write a time takes longer than the rest of a line.
@lru_cache(maxsize=2)
def _written(milliseconds: int) -> str:
    second, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}+00:00"
