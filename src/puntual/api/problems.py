"""What answers a request that cannot be served: problem details (RFC 9457), an entry for each bad field."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

MEDIA_TYPE = "application/problem+json"
_SHOWN = 60
MOST_ERRORS = 50


class FieldError(msgspec.Struct, frozen=True):
    """One bad field: where it is (JSON pointer, RFC 6901), what it holds, and what it should."""

    pointer: Annotated[str, Meta(examples=["#/flights/0/origin"])]
    value: str
    expected: str


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """Problem details (RFC 9457); `errors` has an entry for each bad field."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: list[FieldError] = []


class ProblemError(Exception):
    """A request that cannot be answered, and why."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[FieldError] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.headers = headers or {}
        self.details = ProblemDetails(
            self.status.phrase, int(status), detail, errors=(errors or [])[:MOST_ERRORS]
        )

    @property
    def body(self) -> bytes:
        """The details as JSON."""
        return msgspec.json.encode(self.details)


def bad_fields(errors: list[FieldError]) -> ProblemError:
    """Refuse a request for its fields, all of them or the first that were looked at."""
    count = "1 field" if len(errors) == 1 else f"{len(errors)} fields"
    if len(errors) > MOST_ERRORS:
        count = f"more than {MOST_ERRORS} fields"
    return ProblemError(HTTPStatus.BAD_REQUEST, f"{count} cannot be used; see errors for each", errors)


def shown(value: object) -> str:
    """Write a value as JSON, shortened, fit for a message."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
