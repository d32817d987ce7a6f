"""`PUT /timetable` and `GET /timetable`: the coming flights that congestion is counted among."""

import asyncio
import csv
import io
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import HttpMethod, MediaType, Request, Response, get, put, route
from litestar.datastructures import State
from litestar.params import Parameter
from msgspec import Meta

from puntual.api.described import WITH_A_KEY, describe_problems, takes
from puntual.api.http.media_type import prefers_csv, require_media_type
from puntual.api.predict.contract import EXAMPLE
from puntual.api.problems import ProblemError, shown
from puntual.api.serving.coming_flights import read_coming
from puntual.api.serving.serving_model import ServingModel
from puntual.errors import TableError
from puntual.features.flight_keys import EPOCH, Keys
from puntual.flights import airports
from puntual.sources.limits import LONGEST_TEXT

_SUFFIXES = {"text/csv": ".csv", "application/json": ".json"}


Cell = str | float | bool | None
Text = Annotated[str, Meta(pattern=r"^[^\x00]*$", max_length=LONGEST_TEXT)] | float | bool
ListedAirport = Annotated[str, Meta(extra_json_schema={"format": "airport-code"})]
ListedDestination = Annotated[str, Meta(extra_json_schema={"format": "destination-code"})]
LocalDeparture = Annotated[str, Meta(extra_json_schema={"format": "local-flight-time"})]


class TimetableFlight(msgspec.Struct, frozen=True):
    """One coming flight as it is given: numbers and true stand for text, and there may be other columns."""

    extra_json_schema: ClassVar[dict[str, Any]] = {"additionalProperties": msgspec.json.schema(Cell)}

    origin: ListedAirport
    destination: ListedDestination
    scheduled_departure: LocalDeparture
    airline: Text | None = None
    flight_number: Text | None = None


TimetableFlights = Annotated[
    list[TimetableFlight], Meta(min_length=1, extra_json_schema={"uniqueItems": True})
]


class TimetableTaken(msgspec.Struct, frozen=True):
    """The coming flights that congestion is counted among from now on."""

    flights: int
    airports: list[str]
    days: list[str]
    notes: list[str]


class ComingFlight(msgspec.Struct, frozen=True):
    """One coming flight; `scheduled_departure` is local to the origin, to the minute."""

    airline: Annotated[str | None, Meta(examples=["LAN"], description="null where it is not known.")]
    flight_number: Annotated[str | None, Meta(examples=["226"], description="null where it is not known.")]
    origin: Annotated[str, Meta(examples=["SCL"])]
    destination: Annotated[str, Meta(examples=["MIA"])]
    scheduled_departure: Annotated[str, Meta(examples=["2017-10-03T23:30"])]


@put(
    "/timetable",
    operation_id="putTimetable",
    summary="Replace the coming flights",
    operation_class=takes(
        TimetableFlights,
        example=[EXAMPLE],
        description="All coming flights of the airport, each once: origin, destination, scheduled_departure (local, "
        "without an offset), and airline and flight_number where they are known. Or the same as CSV with a header, as "
        "`text/csv`.",
    ),
    tags=["timetable"],
    security=WITH_A_KEY,
    responses=describe_problems(400, 403, 408, 413, 415, 422, 503),
)
async def put_timetable(request: Request[Any, Any, Any], state: State) -> TimetableTaken:
    """Give the service all coming flights, in place of those that it had.

    Congestion is then counted among them rather than taken from a typical week. A bad row refuses the whole table.
    """
    # Raw, since the body is a table, CSV or JSON: rows may hold other columns, and a bad one is named by its line.
    suffix = _SUFFIXES[require_media_type(request, *_SUFFIXES)]
    # Joined in the thread as well: 32 MB take the loop a tenth of a second on a busy machine.
    pieces = [piece async for piece in request.stream()]
    try:
        coming = await asyncio.to_thread(lambda: read_coming(b"".join(pieces), "the timetable", suffix))
    except TableError as error:
        raise ProblemError(422, str(error)) from error
    try:
        await _serving(state).put_timetable(coming.flights)
    except OSError as error:
        raise ProblemError(
            503, f"the timetable cannot be kept ({error.strerror}); the former one goes on"
        ) from error
    return TimetableTaken(len(coming.flights), coming.airports(), coming.days(), list(coming.notes))


@get(
    "/timetable",
    operation_id="getTimetable",
    summary="Read the coming flights",
    tags=["timetable"],
    security=WITH_A_KEY,
    responses=describe_problems(400, 422),
)
async def get_timetable(
    request: Request[Any, Any, Any],
    state: State,
    airport: Annotated[
        str,
        Parameter(
            description="Only flights from there, by IATA or ICAO code.",
            schema_extra={"format": "airport-code"},
        ),
    ] = "",
    day: Annotated[
        str | None,
        Parameter(
            description="Only flights of this local day, such as 2017-10-03.", schema_extra={"format": "date"}
        ),
    ] = None,
) -> Response[list[ComingFlight]]:
    """Give the coming flights that the service keeps.

    They are those of the last `PUT /timetable`, all of them or those of an airport or a day; as CSV where `Accept` asks
    for `text/csv`.
    """
    flights = await _serving(state).departures(_code(airport), _day(day))
    as_csv = prefers_csv(request.headers.get("accept", ""))
    # Written in the thread too: the flights of a whole season take longer than the loop may stand still.
    text = await asyncio.to_thread(_written, flights, as_csv)
    return Response(text, media_type="text/csv" if as_csv else MediaType.JSON)  # type: ignore[arg-type]


@route("/timetable", http_method=HttpMethod.OPTIONS, status_code=204, include_in_schema=False)
async def timetable_methods() -> Response[None]:
    """Name the methods; the framework, left to itself, names only the one that was registered first."""
    return Response(None, status_code=204, headers={"allow": "GET, OPTIONS, PUT"})


# The first that is registered at a path names its methods.
ROUTES = (timetable_methods, put_timetable, get_timetable)


def _serving(state: State) -> ServingModel:
    service: ServingModel = state.service
    return service


def _code(airport: str) -> str | None:
    if not airport:
        return None
    listed = airports.look_up(airport)
    if listed is None:
        raise ProblemError(422, f"airport {shown(airport)} is listed neither by IATA nor by ICAO; correct it")
    return listed.code


def _day(text: str | None) -> date | None:
    try:
        return msgspec.convert(text, date | None)
    except msgspec.ValidationError:
        raise ProblemError(
            400, f"day {shown(text)} is no date; expected one such as 2017-10-03; correct it, or leave it out"
        ) from None


def _rows(flights: Keys) -> list[ComingFlight]:
    columns = (flights.airline, flights.flight_number, flights.origin, flights.destination)
    texts = ([text or None for text in column.texts().tolist()] for column in columns)
    minutes = (flights.day * 1_440 + flights.minute).tolist()
    times = ((EPOCH + timedelta(minutes=minute)).isoformat(timespec="minutes") for minute in minutes)
    return [ComingFlight(*words) for words in zip(*texts, times, strict=True)]


def _written(flights: Keys, as_csv: bool) -> bytes:
    rows = _rows(flights)
    return _as_csv(rows).encode() if as_csv else msgspec.json.encode(rows)


def _as_csv(rows: list[ComingFlight]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(ComingFlight.__struct_fields__)
    table.writerows(map(msgspec.structs.astuple, rows))
    return text.getvalue()
