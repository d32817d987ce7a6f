"""The connections of the service: the head of a request must arrive in time and be of a size, or it is refused.

uvicorn itself waits for a head for ever and reads one of any length.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from puntual.api.http.body import WHOLE
from puntual.api.http.corked import Corked
from puntual.api.http.gateway import PROBLEM, SECURITY_HEADERS
from puntual.api.problems import ProblemError

_LARGEST_HEAD = 65_536


class Connection(HttpToolsProtocol):
    """One connection, whose faults are told as problem details like all others."""

    def __init__(self, *, patience: float, **given: Any) -> None:
        """Wait `patience` seconds for the head of a request."""
        super().__init__(**given)
        self._patience = patience
        self._head_due: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(Corked(transport, self.loop))  # type: ignore[arg-type]
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; a head that has begun must end."""
        super().data_received(data)
        if self.transport.is_closing() or not (self.cycle is None or self.cycle.response_complete):
            return
        self._expect_head()
        self._head_bytes += len(data)
        if self._head_bytes > _LARGEST_HEAD:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the headers are larger than {_LARGEST_HEAD:,} bytes; send fewer",
            )

    def on_headers_complete(self) -> None:
        """Wait no longer: how long the body may take is watched by whoever reads it."""
        self._head_is_here()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Tell whoever answers that there is no body to wait for."""
        self.scope[WHOLE] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._head_is_here()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _expect_head(self) -> None:
        if self._head_due is None:
            self._head_due = self.loop.call_later(self._patience, self._give_up)

    def _head_is_here(self) -> None:
        self._head_bytes = 0
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _give_up(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the request did not arrive within {self._patience:g} s; send it at once",
        )

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self.transport.is_closing():
            return
        body = ProblemError(status, detail).body
        length = (b"content-length", b"%d" % len(body))
        headers = [PROBLEM, length, (b"connection", b"close"), *SECURITY_HEADERS]
        lines = [b"%s: %s\r\n" % header for header in headers]
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        self.transport.write(b"".join([first, *lines, b"\r\n", body]))
        self.transport.close()
