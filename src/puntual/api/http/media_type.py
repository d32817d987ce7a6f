"""What a body is, by its `Content-Type`, and what a caller would rather have, by `Accept`."""

from typing import Any

from litestar import Request

from puntual.api.problems import ProblemError


def require_media_type(request: Request[Any, Any, Any], *understood: str) -> str:
    """Give the media type of a body; raise ProblemError for one that is not among those understood."""
    content_type = request.headers.get("content-type", "")
    kind = media_type(content_type)
    if kind not in understood:
        raise ProblemError(
            415, f"media type {content_type[:60]!r} is not understood; send {' or '.join(understood)}"
        )
    return kind


def media_type(content_type: str) -> str:
    """Give the media type that a `Content-Type` names, without its parameters and in lower case."""
    return content_type.partition(";")[0].strip().lower()


def prefers_csv(accept: str) -> bool:
    """Tell whether an `Accept` names CSV before JSON."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return (
        next((kind for kind in kinds if kind in ("application/json", "text/csv")), "application/json")
        == "text/csv"
    )
