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
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from puntual.api.http.body import WHOLE
from puntual.api.http.corked import Corked
from puntual.api.http.head_limits import LARGEST_HEAD, Refusal, refusal_of, refusal_of_size
from puntual.api.http.prediction_door import Exchange, plain_head
from puntual.api.http.response_headers import PROBLEM, SECURITY_HEADERS, lines_of
from puntual.api.problems import ProblemError


class Connection(HttpToolsProtocol):
    """One connection, whose faults are answered with problem details like all others."""

    def __init__(self, *, patience: float, **given: Any) -> None:
        """Wait `patience` seconds for the head of a request, and as long for a last answer to be read."""
        super().__init__(**given)
        self._patience = patience
        self._head_due: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_body = self._upgrades = self._is_small = self._is_between = False
        # What is refused once the requests ahead of it are answered.
        self._refused: Refusal | None = None
        self._corked: Corked
        self.url = b""
        # The head, by name, and the body of a request that is to be answered at the door, once it is whole.
        self._prompt: dict[bytes, bytes] | None = None
        self._body = b""

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
        # Whatever head is in it cannot be too large, as long as it begins here.
        self._is_small = len(data) <= LARGEST_HEAD and not self._head_bytes
        self._is_between = False
        self._feed(data)
        if self._corked.is_closing() or not (self.cycle is None or self.cycle.response_complete):
            return
        if self._is_between:
            # As after any answer, also where the body ended only after it.
            self.timeout_keep_alive_task = self.timeout_keep_alive_task or self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
            return
        self._expect_head()
        self._head_bytes += len(data)
        if self._head_bytes > LARGEST_HEAD:
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
        self._upgrades = self.expect_100_continue = self._is_between = False
        self.url, self.headers = b"", []

    def on_headers_complete(self) -> None:
        """Wait no longer: how long the body may take is watched by whoever reads it."""
        self._head_is_here()
        self._upgrades = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._upgrades:
            return
        self._prompt = self._prompt_head()
        if self._prompt is not None:
            self._body, self._in_body = b"", True
            return
        self._check_head()
        self._in_body = True
        self._begin_cycle()

    def on_body(self, body: bytes) -> None:
        """Keep a body that is answered at the door; give any other to whoever answers."""
        if self._prompt is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer at the door, or tell whoever answers that there is no body to wait for."""
        if self._upgrades:
            return
        self._corked.unread = self._in_body = False
        self._is_between = True
        if self._prompt is not None and self._answer_promptly(self._prompt):
            return
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
                    break
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
        if self._prompt is not None:
            # The rest of the body is waited for by whoever answers.
            self._pass_on()

    def _prompt_head(self) -> dict[bytes, bytes] | None:
        """Give the head of a request that may be answered at the door: alone, with nothing out of the ordinary."""
        may_be = (
            self.url == b"/predict"
            and self.parser.get_method() == b"POST"
            and self._is_small
            and not self.expect_100_continue
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
        )
        return plain_head(self.headers) if may_be else None

    def _answer_promptly(self, headers: dict[bytes, bytes]) -> bool:
        """Answer a request that has arrived whole; False for one that the application is given in its place."""
        door = self.config.loaded_app.door
        read = door.read(self._body)
        if read is None:
            self._pass_on()
            return False
        self._prompt = None
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        peer = self.client[0] if self.client else ""
        exchange = Exchange(door, self._send_whole, peer, keep_alive=keep_alive)
        self.cycle = exchange  # type: ignore[assignment]
        exchange.begin(headers, *read)
        return True

    def _pass_on(self) -> None:
        """Give the application a request that was held, with as much of its body as is here."""
        self._prompt = None
        self._begin_cycle()
        if self._body:
            super().on_body(self._body)

    def _begin_cycle(self) -> None:
        """Have the application answer a request whose head is here; until then it may do without a scope."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    def _send_whole(self, status: int, lines: bytes, body: bytes, keep_alive: bool) -> None:
        """Send an answer at once, with these lines of headers, and go on to the next request as uvicorn does."""
        head = STATUS_LINE[status] + lines_of(self.server_state.default_headers) + lines
        end = b"" if keep_alive else b"connection: close\r\n"
        self._corked.write_now(b"%scontent-length: %d\r\n%s\r\n%s" % (head, len(body), end, body))
        if not keep_alive:
            self._corked.close()
        self.on_response_complete()

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        first = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)
        lines = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        return b"".join([first, *lines, b"\r\n"])

    def _check_head(self) -> None:
        """Refuse a head that is too large or names no host; the parser stops at what is raised."""
        refusal = refusal_of(self.url, self.headers, self.parser.get_http_version())
        if refusal is not None:
            self._refuse(*refusal)
            raise ValueError("the head is refused")

    def _refuse_size(self) -> None:
        if self._in_body:
            # The rest of a body whose request was answered already.
            self._corked.close()
        else:
            self._refuse(*refusal_of_size(self.url))

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
        lines = lines_of([*headers, *SECURITY_HEADERS])
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        self._corked.write(b"".join([first, lines, b"\r\n", problem.body]))
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
