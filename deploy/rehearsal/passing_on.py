"""Passes a request on to another server, and its answer back, byte for byte."""

from typing import Any

import httpx

# They are of one connection, not of the message.
_OF_THE_CONNECTION = {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade"}


async def read_body(receive: Any) -> bytes:
    """Read the whole body of a request."""
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    return body


async def ask(client: httpx.AsyncClient, url: str, scope: Any, body: bytes) -> tuple[int, list, bytes]:
    """Ask the server at `url` what was asked here; give status, headers and body as they came."""
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    path = scope.get("raw_path") or scope["path"].encode()
    headers = [(name, value) for name, value in scope["headers"] if name not in _OF_THE_CONNECTION]
    request = client.build_request(scope["method"], url + (path + query).decode("latin-1"), content=body)
    request.headers = httpx.Headers(headers + ([(b"content-length", b"%d" % len(body))] if body else []))
    answer = await client.send(request, stream=True)
    try:
        content = b"".join([part async for part in answer.aiter_raw()])
    finally:
        await answer.aclose()
    kept = [(name.lower(), value) for name, value in answer.headers.raw]
    return answer.status_code, [pair for pair in kept if pair[0] not in _OF_THE_CONNECTION], content


async def tell(send: Any, status: int, headers: list, body: bytes) -> None:
    """Answer a request."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
