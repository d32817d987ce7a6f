"""What a request goes by in log and journal: its caller's id for it or one of ours, and the trace that it is in."""

import re
import time

_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACE = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class RequestIds:
    """Gives ids that no other worker gives, now or later."""

    def __init__(self) -> None:
        self._count = 0
        self._start = format(time.time_ns(), "x")

    def id_of(self, headers: dict[bytes, bytes]) -> bytes:
        """Take the id that the caller gave, or give one where there is none that can be used."""
        given = headers.get(b"x-request-id")
        return given if given is not None and _ID.fullmatch(given) else self.new()

    def new(self) -> bytes:
        """Give an id."""
        self._count += 1
        return f"{self._start}-{self._count:x}".encode()


def trace_of(headers: dict[bytes, bytes]) -> str | None:
    """Give the trace that the call belongs to (W3C Trace Context); None where there is none."""
    trace = headers.get(b"traceparent")
    return trace.decode() if trace is not None and _TRACE.fullmatch(trace) else None
