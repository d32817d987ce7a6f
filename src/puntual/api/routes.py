"""The routes of the API, as they stand in its OpenAPI document."""

import asyncio
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import SecurityRequirement

from puntual.api.http.body import require_media_type
from puntual.api.openapi import TakesFlights, TakesTimetable
from puntual.api.predict.contract import PredictAnswer
from puntual.api.predict.request import decode_request
from puntual.api.problems import MEDIA_TYPE, ProblemDetails, ProblemError
from puntual.api.serving.coming_flights import read_coming
from puntual.api.serving.serving_model import Service
from puntual.errors import PuntualError, TableError
from puntual.evaluation import Evaluation

_MEANINGS = {
    400: "The body is not valid JSON, or a field is not what the schema says.",
    401: "A key is needed, or this one is not known.",
    408: "The body did not arrive in time.",
    409: "The bundle cannot be used; the former champion goes on.",
    413: "The body is too large.",
    415: "The media type is not understood.",
    422: "A field is well formed but means nothing, such as an unknown airport.",
    429: "The key asks faster than its rate.",
    503: "Too many flights wait, no model is loaded, or nothing can be written.",
}
_WITH_A_KEY: list[SecurityRequirement] = [{"key": []}, {"bearer": []}]
_SUFFIXES = {"text/csv": ".csv", "application/json": ".json"}
_OPEN_TO_ALL: list[SecurityRequirement] = [{}]


def _problems(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            ProblemDetails, generate_examples=False, description=_MEANINGS[status], media_type=MEDIA_TYPE
        )
        for status in (*statuses, 401, 429)
    }


class Champion(msgspec.Struct, frozen=True):
    """The bundle that answers: what it is, what it was measured at, and its card."""

    version: str
    created: str
    trained_until: str
    history_until: str
    candidate: str
    treatment: str
    late_rule: str
    threshold: float
    shadow: str | None
    columns: list[str]
    scores: dict[str, Evaluation]
    card: str


class Reloaded(msgspec.Struct, frozen=True):
    """Whether another champion was put in place, and the one that answers now."""

    swapped: bool
    version: str


class TimetableTaken(msgspec.Struct, frozen=True):
    """The coming flights that congestion is counted among from now on."""

    flights: int
    airports: list[str]
    days: list[str]
    notes: list[str]


class Alive(msgspec.Struct, frozen=True):
    """The state of this worker."""

    status: str
    model: str | None = None


@post(
    "/predict",
    status_code=200,
    operation_id="predict",
    tags=["predictions"],
    operation_class=TakesFlights,
    responses=_problems(400, 408, 413, 415, 422, 503),
)
async def predict(request: Request[Any, Any, Any], state: State) -> Response[PredictAnswer]:
    """Predict how late flights will be.

    Give 1 to 1,000 flights. Each answer holds the probability of being late, the five bands of delay and all that is
    read from them; `as_of` sets the cut-off, and `reasons` adds why. Flights may also be given in the words of the
    Santiago table, whatever of them is known.
    """
    # The gateway answers a body that has arrived whole and keeps to the contract; all others are read here.
    require_media_type(request, "application/json")
    asked = decode_request(await request.body())
    answered = await _service(state).answer(asked, request.state.call["request_id"])
    return Response(answered.body, media_type=MediaType.JSON)  # type: ignore[arg-type]


@put(
    "/timetable",
    operation_id="putTimetable",
    operation_class=TakesTimetable,
    tags=["timetable"],
    security=_WITH_A_KEY,
    responses=_problems(400, 408, 413, 415, 422, 503),
)
async def put_timetable(request: Request[Any, Any, Any], state: State) -> TimetableTaken:
    """Tell the service of all coming flights of an airport, in place of those told before.

    Congestion is then counted among them rather than taken from a typical week. A bad row refuses the whole table.
    """
    suffix = _SUFFIXES[require_media_type(request, *_SUFFIXES)]
    body = await request.body()
    loop = asyncio.get_running_loop()
    try:
        coming = await loop.run_in_executor(None, read_coming, body, "the timetable", suffix)
    except TableError as error:
        raise ProblemError(422, str(error)) from error
    try:
        await _service(state).put_timetable(coming.flights)
    except OSError as error:
        raise ProblemError(
            503, f"the timetable cannot be kept ({error.strerror}); the former one goes on"
        ) from error
    return TimetableTaken(len(coming.flights), coming.airports(), coming.days(), list(coming.notes))


@post(
    "/models/reload",
    status_code=200,
    operation_id="reloadModel",
    tags=["models"],
    security=_WITH_A_KEY,
    responses=_problems(409, 503),
)
async def reload_model(state: State) -> Reloaded:
    """Put the registry's champion in place now, without waiting for the next look at it."""
    service = _service(state)
    try:
        swapped = await service.reload(again=True)
    except PuntualError as error:
        raise ProblemError(409, str(error)) from error
    return Reloaded(swapped, service.champion().version)


@get("/models/champion", operation_id="getChampion", tags=["models"], responses=_problems(503))
async def get_champion(state: State) -> Champion:
    """Say which bundle answers, what it was measured at and which columns it reads."""
    service = _service(state)
    bundle = service.champion().predictor.bundle
    manifest = bundle.manifest
    return Champion(
        bundle.version,
        manifest.created.isoformat(),
        manifest.period[1].date().isoformat(),
        manifest.history_until.isoformat(),
        manifest.candidate,
        manifest.treatment,
        str(manifest.late_rule),
        manifest.threshold,
        service.shadow_version,
        list(manifest.columns),
        manifest.scores,
        bundle.card,
    )


@get("/livez", operation_id="livez", tags=["health"], security=_OPEN_TO_ALL)
async def livez() -> Alive:
    """Say that the process answers at all."""
    return Alive("alive")


@get(
    "/readyz",
    operation_id="readyz",
    tags=["health"],
    security=_OPEN_TO_ALL,
    responses={503: _problems(503)[503]},
)
async def readyz(state: State) -> Alive:
    """Say whether predictions can be asked for: whether a model is loaded."""
    return Alive("ready", _service(state).champion().version)


@get("/health", operation_id="health", tags=["health"], security=_OPEN_TO_ALL)
async def health(state: State) -> Alive:
    """Say how the worker is: ready, or waiting for a model."""
    answerer = _service(state).answerer
    return Alive("waiting for a model") if answerer is None else Alive("ready", answerer.version)


@get("/metrics", operation_id="metrics", tags=["health"], media_type=MediaType.TEXT, responses=_problems())
async def get_metrics(state: State) -> Response[bytes]:
    """Give the numbers of all workers in Prometheus's text format."""
    service = _service(state)
    service.tell()
    return Response(service.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


ROUTES = (predict, reload_model, get_champion, livez, readyz, health, get_metrics)
TIMETABLE_ROUTES = (put_timetable,)


def _service(state: State) -> Service:
    service: Service = state.service
    return service
