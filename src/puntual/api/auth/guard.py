"""Who may ask what: keys, their rate, and the routes that are open to all."""

import time
from collections.abc import Iterable, Set
from contextvars import ContextVar
from http import HTTPStatus

from puntual.api.auth.access_tokens import AccessTokenError, AccessTokens, name_in
from puntual.api.auth.api_keys import ANONYMOUS
from puntual.api.auth.known_routes import KnownRoutes
from puntual.api.auth.rate_limit import RateLimit
from puntual.api.auth.rights import Right, changes, chooses_champion, rights_for
from puntual.api.auth.verifier import Verifier
from puntual.api.github import deliveries as github
from puntual.api.problems import ProblemError

# Probes of a load balancer carry no key; the documentation and the page say nothing of the data; a webhook's
# deliveries are signed.
_OPEN = frozenset(
    {"/", "/livez", "/readyz", "/health", "/ping", "/docs", "/docs/", "/openapi.json", github.PATH}
)
_OPEN_PREFIXES = ("/docs/", "/page/")
# An airport's own plans are shown to those who may write them.
_KEPT = frozenset({"/timetable", "/flights", "/flights/stream", "/flights/events"})
_SCHEME = b"bearer "
# The name of the key that the request in hand was admitted by.
KEY_NAME: ContextVar[str] = ContextVar("key_name", default=ANONYMOUS)
# The address that it came from.
PEER: ContextVar[str] = ContextVar("peer", default="")


class Guard:
    """Admits callers by their key and holds each to its rate."""

    def __init__(
        self,
        verifier: Verifier | None,
        limit: RateLimit,
        tokens: AccessTokens,
        *,
        always: bool,
        elsewhere: Iterable[str] = (),
    ) -> None:
        """Admit by the keys of `verifier`, or everyone when it is None.

        `always` asks for a key on every route that is not open to all; otherwise, as long as there are no keys, only
        those that change something want one. On the paths `elsewhere` their routes ask, in a way of their own.
        """
        self._verifier, self._limit, self._tokens, self._always = verifier, limit, tokens, always
        self._open = _OPEN.union(elsewhere)
        # Known once the application is put together; until then whatever is asked for may be there.
        self.routes: KnownRoutes | None = None

    def admit(self, method: str, path: str, headers: dict[bytes, bytes]) -> str:
        """Name the key of a caller who may pass, `ANONYMOUS` where none is needed; raise ProblemError for others.

        Its rate is another matter, so that a refusal for that can name the key.
        """
        if self._verifier is None:
            if chooses_champion(path) and self._is_there(method, path):
                raise _forbidden("nobody is known here (--no-auth)", rights_for(method, path))
            return ANONYMOUS
        if path in self._open or path.startswith(_OPEN_PREFIXES):
            return ANONYMOUS
        writes = changes(method, path)
        if not writes and path not in _KEPT and not self._always and not self._verifier.requires_key():
            return ANONYMOUS
        token = _token(headers)
        name = None if token is None else self._verifier.check(token)
        if token is None or name is None:
            if not self._is_there(method, path):
                # What is not there is not there for anyone, which the router says.
                return ANONYMOUS
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "a key is needed here, as X-API-Key or Authorization: Bearer; `puntual keys create NAME` makes one"
                if token is None
                else "this key is not known or was revoked; `puntual keys create NAME` makes another",
                headers={"www-authenticate": "Bearer"},
            )
        if writes:
            self._require_right(method, path, name, token)
        return name

    def name(self, headers: dict[bytes, bytes]) -> str:
        """Name the key of a request, also where none is needed."""
        token = _token(headers)
        return (None if token is None else self.owner(token)) or ANONYMOUS

    def rights(self, headers: dict[bytes, bytes]) -> Set[Right]:
        """Give what the key of a request may do; without keys everyone may all but choose the champion."""
        if self._verifier is None:
            return frozenset({Right.PREDICT, Right.OPERATE})
        token = _token(headers)
        known = frozenset[Right]() if token is None else self._verifier.rights(token)
        return known | {Right.PREDICT}

    def _require_right(self, method: str, path: str, name: str, token: str) -> None:
        wanted = rights_for(method, path)
        if self._verifier and not wanted & self._verifier.rights(token) and self._is_there(method, path):
            raise _forbidden(f"key {name!r} may not do this", wanted)

    def _is_there(self, method: str, path: str) -> bool:
        return self.routes is None or self.routes.has(method, path)

    def requires_key(self) -> bool:
        """Tell whether those who change nothing need a key, too."""
        return self._verifier is not None and (self._always or self._verifier.requires_key())

    def owner(self, key: str) -> str | None:
        """Name a key, or None where it is not known."""
        return None if self._verifier is None else self._verifier.check(key)

    def issue_token(self, name: str, now: float) -> str | None:
        """Give an access token of the key of a name; None where no key is called so."""
        digest = None if self._verifier is None else self._verifier.digest(name)
        return None if digest is None else self._tokens.issue(name, digest, now)

    def check_token(self, token: str, now: float) -> str:
        """Name the key that an access token was issued to; raise AccessTokenError for one that opens nothing."""
        name = name_in(token)
        digest = None if self._verifier is None else self._verifier.digest(name)
        if digest is None:
            raise AccessTokenError
        self._tokens.check(token, digest, now)
        return name

    def enforce_rate_limit(self, name: str) -> None:
        """Hold a key to its rate, and let log and journal know it; raise ProblemError beyond it."""
        KEY_NAME.set(name)
        if name != ANONYMOUS:
            self._take(name)

    def charge_flights(self, count: int) -> None:
        """Count the flights of a request beyond the first, which admitting it counted; raise ProblemError as above."""
        name = KEY_NAME.get()
        if count > 1 and name != ANONYMOUS:
            self._take(name, count, paid=1)

    def charge(self, name: str, flights: int) -> None:
        """Hold a key to its rate for a request whose flights are known at once; raise ProblemError beyond it."""
        if name != ANONYMOUS:
            self._take(name)
            if flights > 1:
                self._take(name, flights, paid=1)

    def _take(self, name: str, cost: int = 1, paid: int = 0) -> None:
        wait = self._limit.take(name, time.monotonic(), cost, paid)
        if wait > 0:
            seconds = max(1, round(wait + 0.5))
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"key {name!r} asks about more flights than its rate allows; try again in {seconds} s",
                headers={"retry-after": str(seconds)},
            )


def _forbidden(reason: str, wanted: Set[Right]) -> ProblemError:
    rights = " or ".join(sorted(wanted))
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        f"{reason}: it takes a key that may {rights}; `puntual keys create NAME --may {sorted(wanted)[0]}` makes one",
    )


def _token(headers: dict[bytes, bytes]) -> str | None:
    given = headers.get(b"x-api-key")
    if given is None:
        authorization = headers.get(b"authorization", b"")
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            return None
        given = authorization[len(_SCHEME) :].strip()
    return given.decode("latin-1")
