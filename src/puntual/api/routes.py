"""The routes of the API, as they stand in its OpenAPI document."""

from functools import partial
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import State

from puntual.api.described import OPEN_TO_ALL, WITH_A_KEY, describe_problems, takes
from puntual.api.http.body import read_apart
from puntual.api.http.media_type import require_media_type
from puntual.api.predict.contract import EXAMPLE, MOST_FLIGHTS, PredictAnswer, PredictRequest
from puntual.api.predict.request import decode_request
from puntual.api.problems import ProblemError
from puntual.api.serving.champion import Champion, champion_of
from puntual.api.serving.serving_model import ServingModel
from puntual.errors import PuntualError


class Reloaded(msgspec.Struct, frozen=True):
    """Whether another champion was put in place, and the one that answers now."""

    swapped: bool
    version: str


class Alive(msgspec.Struct, frozen=True):
    """The state of this worker."""

    status: str
    model: str | None = None


@post(
    "/predict",
    status_code=200,
    operation_id="predict",
    summary="Predict how late flights will be",
    tags=["predictions"],
    operation_class=takes(
        PredictRequest, example=PredictRequest([EXAMPLE]), description=f"1 to {MOST_FLIGHTS:,} flights."
    ),
    responses=describe_problems(400, 408, 413, 415, 422, 503),
)
async def predict(request: Request[Any, Any, Any], state: State) -> Response[PredictAnswer]:
    """Give the probability that flights are late, by how much, and why.

    Each answer holds the probability of being late, the five bands of delay and all that is
    read from them; `as_of` sets the cut-off, and `reasons` adds why. Flights may also be given in the words of the
    Santiago table, whatever of them is known.
    """
    # The gateway answers a body that has arrived whole and keeps to the contract; all others are read here.
    require_media_type(request, "application/json")
    service = _service(state)
    flights = await read_apart(await request.body(), partial(decode_request, unlisted=service.unlisted))
    state.guard.charge_flights(len(flights.flights))
    body = await service.answer_in_writing(flights, request.state.call["request_id"])
    return Response(body, media_type=MediaType.JSON)  # type: ignore[arg-type]


@post(
    "/models/reload",
    status_code=200,
    operation_id="reloadModel",
    summary="Put the champion in place now",
    tags=["models"],
    security=WITH_A_KEY,
    responses=describe_problems(403, 409, 503),
)
async def reload_model(state: State) -> Reloaded:
    """Put the registry's champion in place now, without waiting for the next look at it."""
    service = _service(state)
    try:
        swapped = await service.reload(again=True)
    except PuntualError as error:
        raise ProblemError(409, str(error)) from error
    return Reloaded(swapped, service.champion().version)


@get(
    "/models/champion",
    operation_id="getChampion",
    summary="See which model answers",
    tags=["models"],
    responses=describe_problems(503),
)
async def get_champion(state: State) -> Champion:
    """Say which bundle answers, what it learnt from, what it was measured at and which columns it reads."""
    service = _service(state)
    return champion_of(service.champion().predictor.bundle, service.shadow_version)


@get(
    "/livez",
    operation_id="livez",
    summary="Ask whether the process is alive",
    tags=["health"],
    security=OPEN_TO_ALL,
)
async def livez() -> Alive:
    """Say that the process answers at all."""
    return Alive("alive")


@get(
    "/readyz",
    operation_id="readyz",
    summary="Ask whether predictions can be made",
    tags=["health"],
    security=OPEN_TO_ALL,
    responses={503: describe_problems(503)[503]},
)
async def readyz(state: State) -> Alive:
    """Say whether predictions can be asked for: whether a model is loaded."""
    return Alive("ready", _service(state).champion().version)


@get("/health", operation_id="health", summary="See how the worker is", tags=["health"], security=OPEN_TO_ALL)
async def health(state: State) -> Alive:
    """Say how the worker is: ready, or waiting for a model."""
    batcher = _service(state).batcher
    return Alive("waiting for a model") if batcher is None else Alive("ready", batcher.version)


@get(
    "/metrics",
    operation_id="metrics",
    summary="Read the metrics",
    tags=["health"],
    media_type=MediaType.TEXT,
    responses=describe_problems(),
)
async def get_metrics(state: State) -> Response[bytes]:
    """Give the numbers of all workers in Prometheus's text format."""
    service = _service(state)
    service.publish_metrics()
    return Response(service.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


ROUTES = (predict, reload_model, get_champion, livez, readyz, health, get_metrics)


def _service(state: State) -> ServingModel:
    service: ServingModel = state.service
    return service
