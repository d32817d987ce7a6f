"""`GET /key`: whose key this is, and what it may."""

from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from msgspec import Meta

from puntual.api.auth.guard import Guard
from puntual.api.described import describe_problems


class OwnKey(msgspec.Struct, frozen=True):
    """The name that log and journal know a caller by, and what the caller may."""

    name: Annotated[str, Meta(examples=["tower"])]
    may: Annotated[list[str], Meta(description="Of `predict`, `operate` and `promote`.")]


@get(
    "/key",
    operation_id="getKey",
    summary="See what your key may do",
    tags=["keys"],
    responses=describe_problems(),
)
async def get_key(request: Request[Any, Any, Any], state: State) -> OwnKey:
    """Name the key that a request shows, `anonymous` where it shows none and needs none, and say what it may."""
    guard: Guard = state.guard
    headers = dict(request.scope["headers"])
    return OwnKey(guard.name(headers), sorted(guard.rights(headers)))
