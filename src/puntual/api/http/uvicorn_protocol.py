"""The connections of the service: the head of a request must arrive in time and be of a size, or it is refused.

uvicorn itself waits for a head for ever, reads one of any length, asks for no Host, leaves out the body of a request
that would rather speak another protocol, and refuses what is no HTTP before the requests ahead of it are answered. It
writes the head and the body of an answer one by one, a system call each; here they go out together. And where a
connection is closed while the other side still sends, the system throws away what that side has not read yet; here it
has time to read.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import httptools
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
        self._in_body = self._upgrades = False
        # What is refused once the requests ahead of it are answered.
        self._refused: tuple[HTTPStatus, str] | None = None
        self._corked: Corked
        self.url = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        self._corked = Corked(transport, self.loop, self._patience)
        super().connection_made(self._corked)  # type: ignore[arg-type]
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; a head that has begun must end."""
        if self._corked.is_closing() or self._refused is not None:
            self._corked.drop(data)
            return
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._corked.is_closing() or not (self.cycle is None or self.cycle.response_complete):
            return
        self._expect_head()
        self._head_bytes += len(data)
        if self._head_bytes > _LARGEST_HEAD:
            self._refuse_size()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what was asked whole before the other side said that no more will come, and close then."""
        if self.cycle is None or self.cycle.response_complete or self._in_body:
            # The system closes now, and would throw away an answer that is still held.
            self._corked.flush()
            return False
        self.cycle.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        """Have something to read until the message ends."""
        self._corked.unread = True
        self._upgrades = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Wait no longer: how long the body may take is watched by whoever reads it."""
        self._head_is_here()
        self._upgrades = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._upgrades:
            return
        self._check_head()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Tell whoever answers that there is no body to wait for."""
        if self._upgrades:
            return
        self._corked.unread = self._in_body = False
        self.scope[WHOLE] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Refuse what is behind the last answer, if it was to be refused."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._refused is not None:
            refused, self._refused = self._refused, None
            self._refuse(*refused)

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

    def _feed(self, data: bytes | memoryview) -> None:
        """Read requests; one that would go on in another protocol goes on in this one, as RFC 9110 allows (7.8)."""
        try:
            while data:
                try:
                    self.parser.feed_data(data)
                    return
                except httptools.HttpParserUpgrade as upgrade:
                    if not self._upgrades:
                        return
                    # The parser takes what follows the head for the other protocol's: it is told the head without.
                    head = self._head_without_upgrade()
                    self.parser = httptools.HttpRequestParser(self)
                    self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                    self.parser.feed_data(head)
                    data = memoryview(data)[upgrade.args[0] :]
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        first = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)
        lines = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        return b"".join([first, *lines, b"\r\n"])

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
        if self._corked.is_closing() or self._refused is not None:
            return
        if self._is_behind_others():
            self._refused = status, detail
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

    def _is_behind_others(self) -> bool:
        """Tell whether whole requests are still to be answered; one whose body is at fault will not be."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        if not self._in_body:
            return True
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            return True
        return False

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
            self._loop.call_soon(self.flush)
        self._held.append(data)

    def close(self) -> None:
        """Send what is held, and close; while the other side still sends, only once it has had time to read."""
        self.flush()
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

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            held, self._held = self._held, []
            # Where the other side is gone nobody reads it, and the transport would raise.
            if not self._transport.is_closing():
                self._transport.write(b"".join(held))

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
