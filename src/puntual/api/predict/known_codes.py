"""`GET /codes`: the airports and airlines that the champion knows, for forms that complete what is typed."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.datastructures import State
from msgspec import Meta

from puntual.api.described import describe_problems
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel
from puntual.errors import PuntualError
from puntual.flights import airports


class KnownAirport(msgspec.Struct, frozen=True):
    """An airport by its code; name, city and time zone are empty where nobody lists it."""

    code: Annotated[str, Meta(examples=["SCL"])]
    name: str = ""
    city: str = ""
    time_zone: str = ""


class KnownCodes(msgspec.Struct, frozen=True):
    """What training saw often enough to know it, most flights first."""

    origins: list[KnownAirport]
    destinations: list[KnownAirport]
    airlines: list[str]


class CodeBook:
    """The codes that the champion knows, read once for each champion."""

    def __init__(self, service: ServingModel) -> None:
        self._service = service
        self._read: tuple[str, KnownCodes] | None = None

    async def codes(self) -> KnownCodes:
        """Give the codes of the champion; raise ProblemError where it cannot be read again."""
        version = self._service.champion().version
        if self._read is None or self._read[0] != version:
            try:
                tables = await self._service.tables("vocabulary")
            except PuntualError as error:
                raise ProblemError(
                    HTTPStatus.SERVICE_UNAVAILABLE, f"the codes cannot be read: {error}"
                ) from error
            self._read = version, _known(tables["vocabulary"])
        return self._read[1]


@get(
    "/codes",
    operation_id="getCodes",
    summary="See which airports and airlines are known",
    tags=["predictions"],
    responses=describe_problems(503),
)
async def get_codes(state: State) -> KnownCodes:
    """Give the origins, destinations and airlines that the champion was trained on often enough to know them.

    Others are answered, too, from what is known of the rest of the flight, and with a warning.
    """
    book: CodeBook = state.codes
    return await book.codes()


def _known(vocabulary: Any) -> KnownCodes:
    ordered = sorted(zip(*(vocabulary[name].tolist() for name in ("kind", "code", "value")), strict=True))
    values = {kind: [value for one, _, value in ordered if one == kind] for kind, _, _ in ordered}
    return KnownCodes(
        [_airport(code) for code in values.get("origin", ())],
        [_airport(code) for code in values.get("destination", ())],
        values.get("airline", []),
    )


def _airport(code: str) -> KnownAirport:
    listed = airports.look_up(code)
    if listed is None:
        return KnownAirport(code)
    return KnownAirport(code, listed.name, listed.city, listed.time_zone)
