"""The headers of answers, and what is told of a failure."""

from puntual.api.problems import MEDIA_TYPE

Headers = list[tuple[bytes, bytes]]
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
FAILURE = "the service failed; its log says why"
