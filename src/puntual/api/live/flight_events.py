"""`GET /flights/events`: what became known of one flight, in order, and the legs that its aircraft flew before it."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter
from msgspec import Meta

from puntual.api.described import WITH_A_KEY, describe_problems, with_examples
from puntual.api.live.event_intake import EventIntake
from puntual.api.live.period import read_period
from puntual.api.serving.serving_model import ServingModel
from puntual.flights.flight_number import clean_flight_number
from puntual.operations.board import Board, FlightState, Status
from puntual.operations.event import FlightKey, KnownEvent

_TIME = {"format": "flight-time"}
_EXAMPLES = {
    "airport": "SCL",
    "airline": "LAN",
    "flight_number": "226",
    "scheduled_departure": "2017-10-03T23:30",
}
# An aircraft's day: what it flew before that has no part in this flight.
_LONGEST = timedelta(hours=24)
LocalTo = Annotated[str, Meta(description="Local to the airport, to the minute.")]


class FlightNews(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a flight: when it was known, and what it told."""

    kind: Annotated[str, Meta(examples=["expected"])]
    known_at: LocalTo
    at: LocalTo | None = None
    expected_departure: LocalTo | None = None
    tail: str | None = None


class PreviousLeg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A leg that the aircraft flew, or is to fly, before a flight; times are local to the flight's airport."""

    airline: str
    flight_number: str
    origin: str
    destination: str | None = None
    departs: LocalTo
    status: Status
    left_at: LocalTo | None = None
    arrived_at: LocalTo | None = None
    departure_delay_minutes: int | None = None


class FlightEvents(msgspec.Struct, frozen=True):
    """What was known of a flight at a moment: its events, and the legs of its aircraft before it, oldest first."""

    time_zone: Annotated[str, Meta(description="IANA name.", examples=["America/Santiago"])]
    events: list[FlightNews]
    previous_legs: list[PreviousLeg]


@get(
    "/flights/events",
    operation_id="getFlightEvents",
    summary="See what became known of a flight",
    tags=["live"],
    security=WITH_A_KEY,
    operation_class=with_examples(**_EXAMPLES),
    responses=describe_problems(400, 422),
)
async def get_flight_events(
    request: Request[Any, Any, Any],
    state: State,
    airport: Annotated[
        str,
        QueryParameter(
            description="IATA or ICAO code.", schema_extra={"format": "airport-code"}, max_length=8
        ),
    ],
    airline: Annotated[str, QueryParameter(description="Its code.", max_length=8)],
    flight_number: Annotated[str, QueryParameter(description="With or without leading zeros.", max_length=8)],
    scheduled_departure: Annotated[
        str,
        QueryParameter(description="Local to the airport.", max_length=40, schema_extra=_TIME),
    ],
    as_of: Annotated[
        str,
        QueryParameter(
            description="What was known at this moment; now where it is not given.",
            max_length=40,
            schema_extra=_TIME,
        ),
    ] = "",
) -> Response[FlightEvents]:
    """Give what events told of one flight until a moment, and the legs that its aircraft flew in the day before it.

    A flight that no event told of has neither.
    """
    del request
    intake: EventIntake = state.events
    # Its minute alone is the period, so that a time which means nothing is refused as on the board.
    period = read_period(airport, scheduled_departure, "", as_of, state.service.unlisted)
    number = clean_flight_number(flight_number, airline)
    clock = period.start.isoformat(timespec="minutes")
    flight = FlightKey(airline.upper(), number, period.airport, clock)
    service: ServingModel = state.service
    # One aircraft may be said to have flown thousands of legs.
    body = await service.apart(
        lambda: msgspec.json.encode(known_events(intake.board, flight, period.zone, period.moment))
    )
    return Response(body, media_type=MediaType.JSON)  # type: ignore[arg-type]


def known_events(board: Board, flight: FlightKey, zone: ZoneInfo, moment: datetime) -> FlightEvents:
    """Give the events of a flight that were known at a moment, and the legs of its aircraft."""
    events = [_news(event, zone) for event in board.events_of(flight) if event.known_at <= moment]
    state = board.state(flight, moment)
    return FlightEvents(zone.key, events, [] if state is None else _legs(board, flight, state, zone, moment))


def _news(event: KnownEvent, zone: ZoneInfo) -> FlightNews:
    happened = event.at if event.kind in ("left", "arrived") else None
    return FlightNews(
        kind=event.kind,
        known_at=_local(event.known_at, zone),
        at=None if happened is None else _local(happened, zone),
        expected_departure=None
        if event.expected_departure is None
        else _local(event.expected_departure, zone),
        tail=event.tail,
    )


def _legs(
    board: Board, flight: FlightKey, state: FlightState, zone: ZoneInfo, moment: datetime
) -> list[PreviousLeg]:
    if state.tail is None:
        return []
    known = [(leg, board.state(leg, moment)) for leg in board.flown_by(state.tail) if leg != flight]
    flown = [
        (leg, before)
        for leg, before in known
        if before is not None
        and before.tail == state.tail
        and timedelta() < state.departs - before.departs < _LONGEST
    ]
    return [_leg(leg, before, zone) for leg, before in sorted(flown, key=lambda one: one[1].departs)]


def _leg(leg: FlightKey, state: FlightState, zone: ZoneInfo) -> PreviousLeg:
    left = state.left_at
    return PreviousLeg(
        airline=leg.airline,
        flight_number=leg.flight_number,
        origin=leg.origin,
        destination=state.destination or None,
        departs=_local(state.departs, zone),
        status=state.status,
        left_at=None if left is None else _local(left, zone),
        arrived_at=None if state.arrived_at is None else _local(state.arrived_at, zone),
        departure_delay_minutes=None if left is None else (left - state.departs) // timedelta(minutes=1),
    )


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")
