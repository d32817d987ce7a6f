"""Who may ask what: keys, their rate, and the routes that are open to all."""

import time
from http import HTTPStatus
from typing import Any

from puntual.api import github
from puntual.api.problems import Problem
from puntual.api_keys import Verifier
from puntual.rate_limit import RateLimit

# Probes of a load balancer carry no key; the documentation says nothing of the data; a webhook's deliveries are signed.
_OPEN = frozenset({"/livez", "/readyz", "/health", "/docs", "/docs/", "/openapi.json", github.PATH})
_OPEN_PREFIX = "/docs/"
# Whatever else is asked by another method may change what the service answers, so it wants a key even where
# nothing else does.
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_ASKING = "/predict"
_SCHEME = b"bearer "


class Guard:
    """Admits callers by their key and holds each to its rate."""

    def __init__(self, verifier: Verifier | None, limit: RateLimit, *, always: bool) -> None:
        """Admit by the keys of `verifier`, or everyone when it is None.

        `always` asks for a key on every route that is not open to all; otherwise, as long as there are no keys, only
        those that change something want one.
        """
        self._verifier, self._limit, self._always = verifier, limit, always

    def admit(self, scope: Any, headers: dict[bytes, bytes]) -> str | None:
        """Name the key of a caller, or None where none is needed; raise Problem for one that may not pass."""
        path = scope["path"]
        if self._verifier is None or path in _OPEN or path.startswith(_OPEN_PREFIX):
            return None
        reads = scope["method"] in _READING or path == _ASKING
        if reads and not self._always and not self._verifier.any_keys():
            return None
        token = _token(headers)
        name = None if token is None else self._verifier.check(token)
        if name is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "a key is needed here, as X-API-Key or Authorization: Bearer; `puntual keys create NAME` makes one"
                if token is None
                else "this key is not known or was revoked; `puntual keys create NAME` makes another",
                headers={"www-authenticate": "Bearer"},
            )
        wait = self._limit.take(name, time.monotonic())
        if wait > 0:
            seconds = max(1, round(wait + 0.5))
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"key {name!r} asks faster than its rate; try again in {seconds} s",
                headers={"retry-after": str(seconds)},
            )
        return name


def _token(headers: dict[bytes, bytes]) -> str | None:
    given = headers.get(b"x-api-key")
    if given is None:
        authorization = headers.get(b"authorization", b"")
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            return None
        given = authorization[len(_SCHEME) :].strip()
    return given.decode("latin-1")
