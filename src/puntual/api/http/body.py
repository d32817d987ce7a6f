"""How the body of a request is waited for and read: not for ever, and a long one where it holds up nobody."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from puntual.api.problems import ProblemError

# Set in the scope of a request whose body has arrived in full.
WHOLE = "whole"
# What is longer may take some milliseconds to read.
_LONG = 16_384
T = TypeVar("T")


class PatientBody(ASGIMiddleware):
    """Waits `patience` seconds for a body that is still on its way; its size is limited by the framework."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, patience: float) -> None:
        self._patience = patience

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the routes read no longer than that; they see ProblemError for a body that is slow or broken."""
        _refuse_encoded(scope)
        if WHOLE in scope:
            await next_app(scope, receive, send)
            return
        due: float | None = None
        complete = False

        async def receive_in_time() -> Any:
            nonlocal due, complete
            if complete:
                return await receive()
            due = due or asyncio.get_running_loop().time() + self._patience
            message = await self._receive_until(due, receive)
            complete = not message.get("more_body")
            return message

        await next_app(scope, receive_in_time, send)

    async def _receive_until(self, due: float, receive: Receive) -> Any:
        try:
            async with asyncio.timeout_at(due):
                message = await receive()
        except TimeoutError as error:
            raise ProblemError(
                408,
                f"the body did not arrive within {self._patience:g} s; send it at once",
                headers={"connection": "close"},
            ) from error
        if message["type"] == "http.disconnect":
            raise ProblemError(400, "the connection ended before the body did")
        return message


def _refuse_encoded(scope: Scope) -> None:
    """Refuse a body that is packed: unpacked, it could be of any size."""
    coding = dict(scope["headers"]).get(b"content-encoding", b"").decode("latin-1")
    if coding.strip().lower() not in ("", "identity"):
        raise ProblemError(
            415,
            f"the body is encoded as {coding[:60]!r}; expected it as it is; send it without Content-Encoding",
            headers={"accept-encoding": "identity"},
        )


async def read_apart(body: bytes, read: Callable[[bytes], T]) -> T:
    """Read a body, in a thread where it is long; whatever is raised there is raised here."""
    if len(body) <= _LONG:
        return read(body)
    return await asyncio.get_running_loop().run_in_executor(None, read, body)
