"""What a body is, by its `Content-Type`, and what a caller would rather have, by `Accept`."""

import re
from operator import itemgetter
from typing import Any

from litestar import Request

from puntual.api.problems import ProblemError

_JSON, _CSV = _WRITTEN = ("application/json", "text/csv")
_WEIGHT = re.compile(r";\s*q=([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", re.IGNORECASE)


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
    """Tell whether an `Accept` would rather have CSV than JSON: by weight, and of equals the first (RFC 9110, 12.5.1).

    >>> prefers_csv("text/csv, application/json"), prefers_csv("text/csv;q=0.5, application/json")
    (True, False)
    """
    kinds = [(_weight(part), kind) for part in accept.split(",") if (kind := media_type(part)) in _WRITTEN]
    weight, preferred = max(kinds, key=itemgetter(0), default=(1.0, _JSON))
    return preferred == _CSV and weight > 0


def _weight(part: str) -> float:
    weight = _WEIGHT.search(part)
    return 1.0 if weight is None else float(weight[1])
