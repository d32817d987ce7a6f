"""The headers of answers, and what is told of a failure."""

from collections.abc import Iterable

from puntual.api.problems import MEDIA_TYPE

Headers = list[tuple[bytes, bytes]]


def lines_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write headers as they stand in the head of an answer."""
    return b"".join([b"%s: %s\r\n" % header for header in headers])


# What a browser is told, whatever it was that it asked for.
SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", MEDIA_TYPE.encode())
# Of numbers that no page shows: what a browser is told of pages is left out.
ANSWER_HEADERS = [
    header for header in SECURITY_HEADERS if header[0] not in (b"x-frame-options", b"referrer-policy")
]
# What is the same in most answers is written once.
JSON_LINE, ANSWER_LINES = lines_of([JSON]), lines_of(ANSWER_HEADERS)
FAILURE = "the service failed; its log says why"
