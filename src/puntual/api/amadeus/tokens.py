"""Access tokens (OAuth 2.0, client credentials): a key's name is the client's id, and the key its secret.

Every worker can check a token, none has to remember it, and it is worthless once the key is revoked.
"""

import secrets
from typing import Annotated, Final, Literal
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta

from puntual.api.amadeus.vendor_errors import (
    BAD_TOKEN,
    EXPIRED,
    NO_TOKEN,
    CredentialsError,
    Kind,
    QueryError,
    refused,
    vendor_error,
)
from puntual.api.auth.access_tokens import AccessTokenError, ExpiredTokenError
from puntual.api.auth.guard import Guard

GRANT: Final = "client_credentials"
LONGEST_FORM = 4_096
_BEARER = "Bearer"
_SCHEME = "bearer "


class Credentials(msgspec.Struct, frozen=True):
    """The form that a token is asked for with."""

    grant_type: Literal["client_credentials"]
    client_id: Annotated[str, Meta(min_length=1)]
    client_secret: Annotated[str, Meta(min_length=1)]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An access token, and the seconds that it lasts."""

    type: str = "amadeusOAuth2Token"
    application_name: str
    client_id: str
    token_type: str = _BEARER
    access_token: str
    expires_in: int
    state: str = "approved"
    scope: str = ""


def issue(form: bytes, guard: Guard, lifetime: int, now: float) -> Token:
    """Give a token for credentials; raise QueryError for wrong ones, and ProblemError when they ask too often.

    Where the service asks nobody for a key, any credentials do.
    """
    credentials = _credentials(form)
    client, secret = credentials.client_id, credentials.client_secret
    if guard.requires_key():
        if guard.owner(secret) != client:
            raise _wrong()
        guard.enforce_rate_limit(client)
        token = guard.issue_token(client, now)
    else:
        token = secrets.token_urlsafe(32)
    if token is None:
        # The key was revoked between the two looks at it.
        raise _wrong()
    return Token(application_name=client, client_id=client, access_token=token, expires_in=lifetime)


def admit(headers: dict[bytes, bytes], guard: Guard, now: float) -> None:
    """Let a caller with a valid token pass; raise QueryError for others, ProblemError for too many questions."""
    if not guard.requires_key():
        return
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    if authorization[: len(_SCHEME)].lower() != _SCHEME:
        raise _unauthorized(NO_TOKEN, "is missing or no Bearer token; ask /v1/security/oauth2/token for one")
    token = authorization[len(_SCHEME) :].strip()
    try:
        name = guard.check_token(token, now)
    except ExpiredTokenError as error:
        raise _unauthorized(EXPIRED, "has expired; ask for another") from error
    except AccessTokenError as error:
        detail = "is no token of this service, or its key was revoked"
        raise _unauthorized(BAD_TOKEN, detail) from error
    guard.enforce_rate_limit(name)


def _credentials(form: bytes) -> Credentials:
    try:
        given = parse_qs(form.decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise _refused(400, "invalid_request", "too many fields") from error
    values: dict[str, str] = {}
    for name in Credentials.__struct_fields__:
        entries = given.get(name, [])
        if len(entries) != 1 or not entries[0]:
            raise _refused(400, "invalid_request", f"{name} must be given, and once")
        values[name] = entries[0]
    try:
        return msgspec.convert(values, Credentials)
    except msgspec.ValidationError as error:
        raise _refused(400, "unsupported_grant_type", f"Only {GRANT} value is allowed") from error


def _wrong() -> QueryError:
    return _refused(401, "invalid_client", "Client credentials are invalid")


def _refused(status: int, error: str, description: str) -> QueryError:
    return QueryError(CredentialsError(error, description), status)


def _unauthorized(kind: Kind, detail: str) -> QueryError:
    return refused(vendor_error(kind, detail, "Authorization"), headers={"www-authenticate": "Bearer"})
