"""What the framework refuses, as problem details."""

from http import HTTPStatus
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException

from puntual.api.problems import ProblemError


def problem_of(request: Request[Any, Any, Any], error: HTTPException) -> ProblemError:
    """Describe an error of the framework as the service describes its own."""
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    detail = f"{status.phrase}: {request.method} {request.url.path}"
    if status == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {request.url.path}; see /docs for what there is"
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = _methods(request)
        headers["allow"] = ", ".join(allowed)
        detail = f"{request.method} is not for {request.url.path}; use {' or '.join(allowed)}"
    elif status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        limit = request.route_handler.resolve_request_max_body_size()
        headers["connection"] = "close"
        detail = f"the body is larger than {limit:,} bytes; send fewer flights at once"
    elif extra := getattr(error, "extra", None):
        detail = "; ".join(f"{one.get('key', 'the body')}: {one.get('message')}" for one in extra)
    elif status == HTTPStatus.BAD_REQUEST and error.detail:
        # Such as "Missing required query parameter 'airport' for path …", the rest of which the caller wrote.
        detail = f"{error.detail.partition(' for path ')[0]}; see /docs for what {request.url.path} takes"
    return ProblemError(status, detail, headers=headers)


def _methods(request: Request[Any, Any, Any]) -> list[str]:
    path = request.url.path.rstrip("/") or "/"
    return sorted(
        {
            method
            for route in request.app.routes
            if route.path == path
            for method in getattr(route, "methods", ())
        }
    )
