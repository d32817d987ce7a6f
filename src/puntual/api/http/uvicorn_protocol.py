"""The connections of the service: the head of a request must arrive in time and be of a size, or it is refused.

uvicorn itself waits for a head for ever, reads one of any length, and asks for no Host. It writes the head and the body
of an answer one by one, a system call each; here they go out together. And where a connection is closed while the other
side still sends, the system throws away what that side has not read yet; here it has time to read.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from puntual.api.http.body import WHOLE
from puntual.api.http.gateway import PROBLEM, SECURITY_HEADERS
from puntual.api.problems import ProblemError

_LARGEST_HEAD = 65_536
# RFC 9112 wants at least 8,000 of everyone.
_LONGEST_TARGET = 8_192
_BETWEEN_NAME_AND_VALUE = 4
_LINGER_BYTES = 64 * 1024 * 1024


class Connection(HttpToolsProtocol):
    """One connection, whose faults are answered with problem details like all others."""

    def __init__(self, *, patience: float, **given: Any) -> None:
        """Wait `patience` seconds for the head of a request, and as long for a last answer to be read."""
        super().__init__(**given)
        self._patience = patience
        self._head_due: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_body = False
        self._corked: Corked
        self.url = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        self._corked = Corked(transport, self.loop, self._patience)
        super().connection_made(self._corked)  # type: ignore[arg-type]
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; a head that has begun must end."""
        if self._corked.is_closing():
            self._corked.drop(data)
            return
        super().data_received(data)
        if self._corked.is_closing() or not (self.cycle is None or self.cycle.response_complete):
            return
        self._expect_head()
        self._head_bytes += len(data)
        if self._head_bytes > _LARGEST_HEAD:
            self._refuse_size()

    def on_message_begin(self) -> None:
        """Have something to read until the message ends."""
        self._corked.unread = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Wait no longer: how long the body may take is watched by whoever reads it."""
        self._head_is_here()
        self._check_head()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Tell whoever answers that there is no body to wait for."""
        self._corked.unread = self._in_body = False
        self.scope[WHOLE] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._head_is_here()
        self._corked.close_now()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Wait for nobody to read a last answer when the service ends."""
        if self._corked.is_closing():
            self._corked.close_now()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _check_head(self) -> None:
        """Refuse a head that is too large or names no host; the parser stops at what is raised."""
        size = hosts = 0
        for name, value in self.headers:
            size += len(name) + len(value) + _BETWEEN_NAME_AND_VALUE
            hosts += name == b"host"
        if len(self.url) > _LONGEST_TARGET or size > _LARGEST_HEAD:
            self._refuse_size()
        elif hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refuse(HTTPStatus.BAD_REQUEST, f"the request has {hosts} Host headers; send one")
        else:
            return
        raise ValueError("the head is refused")

    def _refuse_size(self) -> None:
        if self._in_body:
            # The rest of a body whose request was answered already.
            self._corked.close()
        elif len(self.url) > _LONGEST_TARGET:
            self._refuse(
                HTTPStatus.REQUEST_URI_TOO_LONG,
                f"path and query are longer than {_LONGEST_TARGET:,} bytes; shorten them",
            )
        else:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the headers are larger than {_LARGEST_HEAD:,} bytes; send fewer",
            )

    def _expect_head(self) -> None:
        if self._head_due is None:
            self._head_due = self.loop.call_later(self._patience, self._give_up)

    def _head_is_here(self) -> None:
        self._head_bytes = 0
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _give_up(self) -> None:
        if self._in_body:
            self._corked.close()
            return
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the request did not arrive within {self._patience:g} s; send it at once",
        )

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self._corked.is_closing():
            return
        problem = ProblemError(status, detail)
        request_id = self._record(problem)
        length = (b"content-length", b"%d" % len(problem.body))
        headers = [PROBLEM, length, (b"connection", b"close"), (b"x-request-id", request_id)]
        lines = [b"%s: %s\r\n" % header for header in (*headers, *SECURITY_HEADERS)]
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        self._corked.write(b"".join([first, *lines, b"\r\n", problem.body]))
        self._corked.unread = True
        self._corked.close()

    def _record(self, problem: ProblemError) -> bytes:
        """Have the application log and count a refusal, with as much of the request as was understood."""
        method = self.parser.get_method().decode() if self.url else "-"
        path = self.url.partition(b"?")[0].decode("latin-1") or "-"
        peer = self.client[0] if self.client else ""
        request_id: bytes = self.config.loaded_app.refuse_connection(problem, peer, method, path)
        return request_id


class Corked:
    """A transport that holds what is written until the loop turns, and then sends it as one."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        """Write to a transport; a last answer has `patience` seconds to be read."""
        self._transport, self._loop, self._patience = transport, loop, patience
        self._held: list[bytes] = []
        self._bytes_to_drop = _LINGER_BYTES
        self._end: asyncio.TimerHandle | None = None
        # Whether the other side has more to say than the answer waits for.
        self.unread = False

    def write(self, data: bytes) -> None:
        """Send something, with all else that is written at this turn."""
        if self._end is not None:
            return
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """Send what is held, and close; while the other side still sends, only once it has had time to read."""
        self._flush()
        if not self.unread or self._end is not None or self._transport.is_closing():
            self.close_now()
            return
        self._end = self._loop.call_later(self._patience, self.close_now)
        self._transport.write_eof()
        self._transport.resume_reading()

    def close_now(self) -> None:
        """Close, whatever the other side does."""
        if self._end is not None:
            self._end.cancel()
        self._transport.close()

    def is_closing(self) -> bool:
        """Tell whether nothing more is taken, in or out."""
        return self._end is not None or self._transport.is_closing()

    def drop(self, data: bytes) -> None:
        """Take what comes after the last answer, up to a limit, for nothing."""
        self._bytes_to_drop -= len(data)
        if self._bytes_to_drop < 0:
            self.close_now()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, []
            self._transport.write(b"".join(held))
