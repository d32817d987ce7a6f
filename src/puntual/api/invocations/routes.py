"""`GET /ping` and `POST /invocations`, as SageMaker and the clients of MLflow's scoring server call them.

Rows are flights in the contract's words or in those of the Santiago table; other columns are not looked at. Faults are
answered as MLflow's server tells them, but for those of keys, which concern all routes alike.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec

from puntual.api.described import takes
from puntual.api.http.body import read_apart
from puntual.api.http.framework_errors import problem_of
from puntual.api.http.media_type import media_type, prefers_csv
from puntual.api.invocations.document import InvocationError, Invoked, InvokedRow
from puntual.api.invocations.invoked_table import Row, rows_of_csv, rows_of_json, written_as_csv
from puntual.api.invocations.table_types import InputsTable, InstancesTable, RecordsTable
from puntual.api.predict.contract import EXAMPLE, MOST_FLIGHTS, PredictRequest, ScheduledFlight
from puntual.api.predict.request import convert_request
from puntual.api.predict.resolved_flight import ResolvedRequest
from puntual.api.problems import MEDIA_TYPE, FieldError, ProblemDetails, ProblemError
from puntual.api.routes import Alive
from puntual.api.serving.serving_model import ServingModel
from puntual.flights.flight_number import clean_flight_number
from puntual.sources.scl_words import MONTHS, WORDS

_JSON, _CSV = "application/json", "text/csv"
_AT_ONCE = 64
_NUMBERS = ("flight_number", "Vlo-I")
_OWN = tuple(field.name for field in msgspec.structs.fields(ScheduledFlight))
_FAULTS = {
    400: "The rows cannot be read, or a cell means nothing; the message names it.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    503: "Too many flights wait, or no model is loaded.",
}
_PROBLEMS = {
    401: "A key is needed, or this one is not known.",
    429: "The key asks about more flights than its rate allows.",
}
_NOT_READY = ResponseSpec(
    ProblemDetails, generate_examples=False, description="No model is loaded.", media_type=MEDIA_TYPE
)


def _answer_problem(_: Request[Any, Any, Any], problem: ProblemError) -> Response[Any]:
    headers = problem.headers
    if problem.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return Response(problem.details.detail, status_code=415, media_type=MediaType.TEXT, headers=headers)
    if problem.status == HTTPStatus.TOO_MANY_REQUESTS:
        # Rates concern all routes alike.
        return Response(problem.body, status_code=429, media_type=MEDIA_TYPE, headers=headers)
    code = "TEMPORARILY_UNAVAILABLE" if problem.status == HTTPStatus.SERVICE_UNAVAILABLE else "BAD_REQUEST"
    return Response(
        InvocationError(code, problem.details.detail), status_code=int(problem.status), headers=headers
    )


def _answer_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    return _answer_problem(request, problem_of(request, error))


@get(
    "/ping",
    operation_id="ping",
    summary="Ask whether predictions can be made (SageMaker, MLflow)",
    tags=["other clients"],
    security=[{}],
    responses={503: _NOT_READY},
)
async def ping(state: State) -> Alive:
    """Say whether predictions can be made, as SageMaker and MLflow want to know."""
    service: ServingModel = state.service
    return Alive("ready", service.champion().version)


@post(
    "/invocations",
    status_code=200,
    operation_id="invocations",
    summary="Predict the flights of a table (SageMaker, MLflow)",
    operation_class=takes(
        RecordsTable,
        InputsTable,
        InstancesTable,
        example=RecordsTable([msgspec.Raw(msgspec.json.encode(EXAMPLE))]),
        description="Rows with origin, destination and scheduled_departure, and airline and flight_number where "
        "they are known, or in the words of the Santiago table, and perhaps as_of. Exactly one of "
        "dataframe_records, inputs and instances; or dataframe_split with columns and data; or inputs as an object "
        "of columns of one length. Or rows below a header as CSV, as `text/csv`.",
        answers_csv=True,
    ),
    exception_handlers={ProblemError: _answer_problem, HTTPException: _answer_http_error},
    tags=["other clients"],
    responses={
        status: ResponseSpec(InvocationError, generate_examples=False, description=meaning)
        for status, meaning in _FAULTS.items()
    }
    | {
        status: ResponseSpec(
            ProblemDetails, generate_examples=False, description=meaning, media_type=MEDIA_TYPE
        )
        for status, meaning in _PROBLEMS.items()
    }
    | {
        415: ResponseSpec(
            str,
            generate_examples=False,
            description="The media type is not understood.",
            media_type=MediaType.TEXT,
        )
    },
)
async def invocations(request: Request[Any, Any, Any], state: State) -> Response[Invoked]:
    """Predict how late the flights of a table will be, for callers of SageMaker and of MLflow."""
    # Raw, since the protocol has four shapes of JSON, with NaN for an empty cell, and CSV in the same place.
    kind = media_type(request.headers.get("content-type", ""))
    if kind not in (_JSON, _CSV):
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"This predictor only supports the following content types: {_JSON}, {_CSV}. Got '{kind[:60]}'.",
        )
    service: ServingModel = state.service
    read = partial(_parts, kind=kind, unlisted=service.unlisted)
    parts = await read_apart(await request.body(), read)
    state.guard.charge_flights(sum(len(part.places) for part in parts))
    predictions = await _answers(service, parts, request.state.call["request_id"])
    if prefers_csv(request.headers.get("accept", "")):
        return Response(await asyncio.to_thread(written_as_csv, predictions), media_type=_CSV)  # type: ignore[arg-type]
    return Response(Invoked(predictions))


ROUTES = (ping, invocations)


class _Part(NamedTuple):
    """The rows of one cut-off as a request, and which rows of the table they are."""

    request: PredictRequest | ResolvedRequest
    places: list[int]


def _parts(body: bytes, kind: str, unlisted: Mapping[str, str]) -> list[_Part]:
    """Read the rows of a table, and part them by cut-off; raise ProblemError naming the row that means nothing."""
    rows, as_of = (_without_zeros(rows_of_csv(body)), None) if kind == _CSV else rows_of_json(body)
    if not 0 < len(rows) <= MOST_FLIGHTS:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{len(rows):,} rows; send 1 to {MOST_FLIGHTS:,} at once")
    cuts: dict[Any, list[int]] = {}
    for place, row in enumerate(rows):
        # Anything may stand there; what is no time is refused with the rest of the request.
        cut = row.get("as_of")
        cuts.setdefault(as_of if cut is None else msgspec.json.encode(cut), []).append(place)
    parts = []
    for places in cuts.values():
        with _naming_rows(places):
            request = _request([rows[place] for place in places], as_of)
            parts.append(_Part(convert_request(request, unlisted), places))
    return parts


def _without_zeros(rows: list[Row]) -> list[Row]:
    """Write flight numbers of CSV without the zero of a float, which tools write once a cell of a column is empty."""
    for row in rows:
        for name in _NUMBERS:
            if (row.get(name) or "").endswith(".0"):
                row[name] = clean_flight_number(row[name])
    return rows


async def _answers(service: ServingModel, parts: list[_Part], request_id: str) -> list[InvokedRow]:
    """Ask about the rows of each cut-off together, and give the answers in the order of the rows."""
    by_place: dict[int, InvokedRow] = {}
    # What arrives at once is answered at once, and holds up the others for as long.
    for start in range(0, len(parts), _AT_ONCE):
        asking = (_answer(service, part, request_id) for part in parts[start : start + _AT_ONCE])
        for answered in await asyncio.gather(*asking):
            by_place |= answered
    return [by_place[place] for place in range(len(by_place))]


async def _answer(service: ServingModel, part: _Part, request_id: str) -> dict[int, InvokedRow]:
    with _naming_rows(part.places):
        answered = await service.answer(part.request, request_id)
    return dict(zip(part.places, map(InvokedRow.of, answered.predictions), strict=True))


@contextmanager
def _naming_rows(places: list[int]) -> Iterator[None]:
    """Tell of a bad field with the place of its row in the table."""
    try:
        yield
    except ProblemError as problem:
        if not problem.details.errors:
            raise
        where = "; ".join(_located(error, places) for error in problem.details.errors)
        raise ProblemError(HTTPStatus.BAD_REQUEST, where) from problem


def _request(rows: list[Row], as_of: str | None) -> dict[str, Any]:
    """Write rows of one cut-off as the body of `POST /predict`."""
    cut = rows[0].get("as_of")
    return {"flights": [_flight(row) for row in rows], "as_of": as_of if cut is None else cut}


def _flight(row: Row) -> dict[str, Any]:
    in_own_words = any(name in row for name in _OWN) or not any(word in row for word in WORDS)
    return {name: _cell(name, row[name]) for name in (_OWN if in_own_words else WORDS) if name in row}


def _cell(name: str, value: Any) -> Any:
    """Give a cell the type that the contract wants, where another tool wrote the same thing in another."""
    if name == "MES" and isinstance(value, str):
        return MONTHS.get(value, value)
    if name == "flight_number" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(int(value)) if value == value // 1 else value
    return value


def _located(error: FieldError, places: list[int]) -> str:
    """Say where in the table a bad field is, the first row being row 1."""
    _, _, path = error.pointer.partition("/flights/")
    row, _, name = path.partition("/")
    where = f"row {places[int(row)] + 1}, {name}" if row else error.pointer.removeprefix("#/")
    return f"{where}: {error.value or 'nothing'}; expected {error.expected}"
