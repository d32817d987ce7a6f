"""Who may ask what: keys, their rate, and the routes that are open to all."""

import time
from collections.abc import Iterable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from puntual.api.auth.api_keys import Verifier
from puntual.api.auth.rate_limit import RateLimit
from puntual.api.github import deliveries as github
from puntual.api.problems import ProblemError

# Probes of a load balancer carry no key; the documentation says nothing of the data; a webhook's deliveries are signed.
_OPEN = frozenset({"/livez", "/readyz", "/health", "/ping", "/docs", "/docs/", "/openapi.json", github.PATH})
_OPEN_PREFIX = "/docs/"
# Whatever else is asked by another method may change what the service answers, so it wants a key even where
# nothing else does.
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# An airport's own plans are shown to those who may write them.
_KEPT = frozenset({"/timetable"})
_ASKING = frozenset({"/predict", "/invocations"})
_SCHEME = b"bearer "
# The name of the key that the request in hand was admitted by; None where none was needed.
KEY_NAME: ContextVar[str | None] = ContextVar("key_name", default=None)


class Guard:
    """Admits callers by their key and holds each to its rate."""

    def __init__(
        self, verifier: Verifier | None, limit: RateLimit, *, always: bool, elsewhere: Iterable[str] = ()
    ) -> None:
        """Admit by the keys of `verifier`, or everyone when it is None.

        `always` asks for a key on every route that is not open to all; otherwise, as long as there are no keys, only
        those that change something want one. On the paths `elsewhere` their routes ask, in a way of their own.
        """
        self._verifier, self._limit, self._always = verifier, limit, always
        self._open = _OPEN.union(elsewhere)

    def admit(self, scope: Any, headers: dict[bytes, bytes]) -> str | None:
        """Name the key of a caller, or None where none is needed; raise ProblemError for one that may not pass."""
        # A connection's next request may begin in the context of the one before.
        KEY_NAME.set(None)
        path = scope["path"]
        if self._verifier is None or path in self._open or path.startswith(_OPEN_PREFIX):
            return None
        reads = (scope["method"] in _READING and path not in _KEPT) or path in _ASKING
        if reads and not self._always and not self._verifier.any_keys():
            return None
        token = _token(headers)
        name = None if token is None else self._verifier.check(token)
        if name is None:
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "a key is needed here, as X-API-Key or Authorization: Bearer; `puntual keys create NAME` makes one"
                if token is None
                else "this key is not known or was revoked; `puntual keys create NAME` makes another",
                headers={"www-authenticate": "Bearer"},
            )
        self.enforce_rate_limit(name)
        return name

    def requires_key(self) -> bool:
        """Tell whether those who change nothing need a key, too."""
        return self._verifier is not None and (self._always or self._verifier.any_keys())

    def owner(self, key: str) -> str | None:
        """Name a key, or None where it is not known."""
        return None if self._verifier is None else self._verifier.check(key)

    def sign(self, name: str, message: bytes) -> str | None:
        """Sign a message on behalf of the key of a name, as `Verifier.sign` does."""
        return None if self._verifier is None else self._verifier.sign(name, message)

    def enforce_rate_limit(self, name: str) -> None:
        """Hold a key to its rate; raise ProblemError when it asks faster."""
        wait = self._limit.take(name, time.monotonic())
        if wait > 0:
            seconds = max(1, round(wait + 0.5))
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"key {name!r} asks faster than its rate; try again in {seconds} s",
                headers={"retry-after": str(seconds)},
            )
        KEY_NAME.set(name)


def _token(headers: dict[bytes, bytes]) -> str | None:
    given = headers.get(b"x-api-key")
    if given is None:
        authorization = headers.get(b"authorization", b"")
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            return None
        given = authorization[len(_SCHEME) :].strip()
    return given.decode("latin-1")
