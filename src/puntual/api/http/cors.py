"""Which pages of other origins a browser may let call the service: none, unless they are named."""

Headers = list[tuple[bytes, bytes]]
_ASKS = b"access-control-request-method"


class Cors:
    """Answers browsers that ask on behalf of a page (Fetch standard, CORS protocol)."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, headers: dict[bytes, bytes]) -> Headers:
        """Give the headers that let the page read the answer; none for a page that may not."""
        origin = headers.get(b"origin")
        if not self._origins or origin not in self._origins or origin is None:
            return []
        return [(b"access-control-allow-origin", origin), (b"vary", b"origin")]

    def preflight(self, method: str, headers: dict[bytes, bytes]) -> Headers | None:
        """Give the answer to a browser that asks before it calls, or None when this is no such question."""
        if method != "OPTIONS" or _ASKS not in headers:
            return None
        allowed = self.headers(headers)
        if not allowed:
            return None
        return [
            *allowed,
            (b"access-control-allow-methods", b"GET, POST, PUT"),
            (
                b"access-control-allow-headers",
                b"authorization, content-type, traceparent, x-api-key, x-request-id",
            ),
            (b"access-control-max-age", b"600"),
        ]
