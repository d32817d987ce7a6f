"""The three routes that the client calls."""

import time
from typing import Any

from litestar import Request, get, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import SecurityRequirement, SecurityScheme

from puntual.api.amadeus import answers, queries, tokens
from puntual.api.amadeus.airport_days import AirportDays
from puntual.api.amadeus.answers import AirportOnTime, FlightDelay
from puntual.api.amadeus.tokens import Credentials, Token
from puntual.api.amadeus.vendor_errors import (
    MEDIA_TYPE,
    NOT_FOUND,
    CredentialsError,
    VendorErrors,
    refused,
    vendor_error,
)
from puntual.api.described import takes, takes_query
from puntual.api.http.media_type import require_media_type
from puntual.api.predict.contract import PredictRequest
from puntual.api.serving.serving_model import ServingModel

_GRANTING = "/v1/security/oauth2/token"
_FLIGHT_DELAY = "/v1/travel/predictions/flight-delay"
_ON_TIME = "/v1/airport/predictions/on-time"
PATHS = (_GRANTING, _FLIGHT_DELAY, _ON_TIME)

_FORM = "application/x-www-form-urlencoded"
# Any will do where nobody needs a key.
_CREDENTIALS = Credentials(tokens.GRANT, "tower", "puntual_of_the_tower")
_TAGS = ["amadeus"]
SECURITY = {
    "token": SecurityScheme(type="http", scheme="bearer", description=f"An access token of {_GRANTING}.")
}
_WITH_A_TOKEN: list[SecurityRequirement] = [{"token": []}]
_OPEN_TO_ALL: list[SecurityRequirement] = [{}]
_MEANINGS = {
    400: "A parameter is missing, malformed or means nothing.",
    401: "The token is missing, not known or expired.",
    404: "Nothing is known of this airport's departures.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The media type is not understood.",
    429: "The key asks about more flights than its rate allows.",
    503: "Too many flights wait, or no model is loaded.",
}


def _errors(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            VendorErrors, generate_examples=False, description=_MEANINGS[status], media_type=MEDIA_TYPE
        )
        for status in (*statuses, 429)
    }


def _of_credentials(meaning: str) -> ResponseSpec:
    return ResponseSpec(
        CredentialsError, generate_examples=False, description=meaning, media_type="application/json"
    )


@post(
    _GRANTING,
    status_code=200,
    operation_id="amadeusToken",
    summary="Get an access token (Amadeus)",
    operation_class=takes(
        Credentials, example=_CREDENTIALS, description="The name of a key, and the key.", media_type=_FORM
    ),
    tags=_TAGS,
    security=_OPEN_TO_ALL,
    # Before anything is looked at: credentials are short.
    request_max_body_size=tokens.LONGEST_FORM,
    responses=_errors(408, 413, 415)
    | {
        400: _of_credentials("A field is missing, or the grant is another."),
        401: _of_credentials("The credentials are wrong."),
    },
)
async def grant(request: Request[Any, Any, Any], state: State) -> Token:
    """Give an access token for the name of a key and the key itself."""
    require_media_type(request, _FORM)
    lifetime = _service(state).settings.token_seconds
    return tokens.issue(await request.body(), state.guard, lifetime, time.time())


@get(
    _FLIGHT_DELAY,
    operation_id="amadeusFlightDelay",
    summary="Predict the delay of a flight (Amadeus)",
    operation_class=takes_query(queries.FlightQuery),
    tags=_TAGS,
    security=_WITH_A_TOKEN,
    media_type=MEDIA_TYPE,
    responses=_errors(400, 401, 503),
)
async def predict_delay(request: Request[Any, Any, Any], state: State) -> FlightDelay:
    """Predict how late a flight will be, as `POST /predict` does without `as_of`.

    Arrival, aircraft and duration are checked and not used.
    """
    _admit(request, state)
    flight, name = queries.read_flight(request.scope["query_string"])
    answered = await _service(state).answer(PredictRequest([flight]), _id_of(request))
    (prediction,) = answered.predictions
    return answers.flight_delay(name, prediction, _link(request))


@get(
    _ON_TIME,
    operation_id="amadeusOnTime",
    summary="Predict an airport's day (Amadeus)",
    operation_class=takes_query(queries.AirportDayQuery),
    tags=_TAGS,
    security=_WITH_A_TOKEN,
    media_type=MEDIA_TYPE,
    responses=_errors(400, 401, 404, 503),
)
async def predict_day(request: Request[Any, Any, Any], state: State) -> AirportOnTime:
    """Predict the share of an airport's departures that will leave on time on a day.

    They are the coming flights that the service was given, or else the usual ones of that weekday.
    """
    _admit(request, state)
    airport, day = queries.read_airport_day(request.scope["query_string"])
    days: AirportDays = state.days
    expected = await days.on_time(airport, day, _id_of(request))
    if expected is None:
        unknown = f"has no departures that are known; PUT /timetable tells of those on {day}"
        raise refused(vendor_error(NOT_FOUND, unknown, "airportCode"))
    return answers.airport_on_time(airport, day, expected, _link(request))


ROUTES = (grant, predict_delay, predict_day)


def _admit(request: Request[Any, Any, Any], state: State) -> None:
    tokens.admit(dict(request.scope["headers"]), state.guard, time.time())


def _service(state: State) -> ServingModel:
    service: ServingModel = state.service
    return service


def _id_of(request: Request[Any, Any, Any]) -> str:
    request_id: str = request.state.call["request_id"]
    return request_id


def _link(request: Request[Any, Any, Any]) -> str:
    scope = request.scope
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return f"{scope['scheme']}://{host}{scope['path']}?{scope['query_string'].decode('latin-1')}"
