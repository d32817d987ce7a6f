"""The least that a server can do: the same bytes for every request.

Run as `python -m puntual.stress.bare FOLDER PORT`.
"""

import sys
from typing import Any

import uvicorn

# As long as an answer about one flight.
BODY = b"{" + b" " * 598 + b"}"
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def application(scope: Any, _: Any, send: Any) -> None:
    """Answer whatever was asked (ASGI)."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
