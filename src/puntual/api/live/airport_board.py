"""The board of an airport: its flights, what is known of each, and what is predicted of it now."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from puntual.api.live.flight_marks import FlightMarks, shown_marks
from puntual.api.live.inbound import Inbound, inbound_of
from puntual.api.live.period import Period
from puntual.api.predict.contract import PredictedFlight
from puntual.api.predict.resolved_flight import ResolvedFlight, ResolvedRequest
from puntual.api.predict.response import Answered
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel
from puntual.features.flight_keys import EPOCH, Keys
from puntual.flights import airports
from puntual.flights.flight import Target
from puntual.operations.board import Board, FlightState, Status, state_of
from puntual.operations.event import FlightKey
from puntual.operations.mark_feed import MarkFeed
from puntual.sources.times import LocalTime, local_time

MOST_FLIGHTS = 3_000
MOST_REASONS = 50

T = TypeVar("T")

BoardTime = Annotated[str, Meta(description="Local to the origin, to the minute.")]
PredictedDelay = Annotated[
    Target | None,
    Meta(description="The delay that the model which answers predicts; null while there is none."),
]


class BoardFlight(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One flight of the board; what is not known of it is left out."""

    airline: Annotated[str, Meta(examples=["LAN"])]
    flight_number: Annotated[str, Meta(examples=["226"])]
    origin: Annotated[str, Meta(examples=["SCL"])]
    scheduled_departure: Annotated[BoardTime, Meta(examples=["2017-10-03T23:30"])]
    status: Status
    destination: Annotated[str, Meta(examples=["MIA"])] | None = None
    known_at: (
        Annotated[str, Meta(description="When its newest event was known, local to the origin.")] | None
    ) = None
    left_at: BoardTime | None = None
    arrived_at: Annotated[str, Meta(description="Local to the destination, to the minute.")] | None = None
    cancelled_at: BoardTime | None = None
    expected_departure: BoardTime | None = None
    revisions: Annotated[int, Meta(description="How many times it was expected at so far.")] = 0
    tail: str | None = None
    inbound: (
        Annotated[Inbound, Meta(description="The leg that brings its aircraft, where that is known.")] | None
    ) = None
    prediction: PredictedFlight | None = None
    marks: Annotated[FlightMarks, Meta(description="What people do about it, where anybody does.")] | None = (
        None
    )


class AirportFlights(msgspec.Struct, frozen=True):
    """The flights that leave an airport within a period, as known at a moment."""

    airport: Annotated[str, Meta(examples=["SCL"])]
    time_zone: Annotated[str, Meta(description="IANA name.", examples=["America/Santiago"])]
    as_of: Annotated[str, Meta(description="Local to the airport, to the minute.")]
    data_age_seconds: Annotated[
        int | None,
        Meta(description="Since the newest event of a flight that leaves there was known; null without any."),
    ]
    target: PredictedDelay
    flights: list[BoardFlight]


class _Draft:
    """A board while it is put together: tens of thousands of objects, which only a thread lets go of.

    The loop would stand still for some milliseconds while it frees them.
    """

    states: Mapping[FlightKey, FlightState]
    request: ResolvedRequest
    answers: list[Answered]
    predictions: dict[FlightKey, PredictedFlight]

    def __init__(self, states: Mapping[FlightKey, FlightState]) -> None:
        self.states, self.answers, self.predictions = states, [], {}

    def resolve(self, period: Period, as_of: str) -> None:
        self.request = ResolvedRequest(resolve_known(self.states, period.zone), as_of or None)

    def add_predictions(self) -> None:
        answered = self.answers[-1]
        self.predictions |= zip(map(key_of, answered.flights), answered.predictions, strict=True)

    def keep_likeliest(self, count: int) -> None:
        self.request = _likeliest(self.request, self.predictions, count)


async def airport_flights(
    service: ServingModel,
    board: Board,
    marks: MarkFeed | None,
    period: Period,
    finish: Callable[[AirportFlights], T],
    *,
    as_of: str = "",
    request_id: str,
    reasons: int = 0,
) -> T:
    """Put the board of an airport together, with reasons for so many of those that are likeliest late.

    All of it is done in threads, and so is `finish`, which makes of the board what is kept of it. Raise ProblemError
    where it has too many flights for one answer.
    """
    draft = _Draft(await flights_within(service, board, period))
    if len(draft.states) > MOST_FLIGHTS:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{len(draft.states):,} flights leave within this period, of {MOST_FLIGHTS:,} that an answer may hold; "
            "ask for a shorter one",
        )
    await service.apart(draft.resolve, period, as_of)
    await _predict(service, draft, request_id)
    await service.apart(draft.keep_likeliest, reasons)
    await _predict(service, draft, request_id)

    def finished() -> T:
        made = finish(_put_together(service, board, marks, period, draft.states, draft.predictions))
        vars(draft).clear()
        return made

    return await service.apart(finished)


async def _predict(service: ServingModel, draft: _Draft, request_id: str) -> None:
    """Add the predictions of the flights that are asked about; none while there is no model."""
    if draft.request.flights and service.batcher is not None:
        draft.answers.append(await service.answer(draft.request, request_id, recorded=False))
        await service.apart(draft.add_predictions)


def write_with_flights(board: msgspec.Struct, flights: list[bytes]) -> bytes:
    """Write what has flights as its last field, with flights that are written already.

    Thousands of them in one call would keep the loop from its work for 10 ms, since only between calls may a thread
    pass the interpreter on.
    """
    head = msgspec.json.encode(msgspec.structs.replace(board, flights=[]))
    return head.removesuffix(b"]}") + b",".join(flights) + b"]}"


def _put_together(
    service: ServingModel,
    board: Board,
    marks: MarkFeed | None,
    period: Period,
    states: Mapping[FlightKey, FlightState],
    predictions: Mapping[FlightKey, PredictedFlight],
) -> AirportFlights:
    ordered = sorted(states.items(), key=lambda item: (item[0].scheduled_departure, item[0]))
    age, batcher = board.data_age(period.airport, period.moment), service.batcher
    return AirportFlights(
        period.airport,
        period.zone.key,
        _local(period.moment, period.zone),
        None if age is None else int(age.total_seconds()),
        None if batcher is None else batcher.predictor.target,
        [_shown(flight, state, period, predictions.get(flight), board, marks) for flight, state in ordered],
    )


async def flights_within(service: ServingModel, board: Board, period: Period) -> dict[FlightKey, FlightState]:
    """Give what was known of the flights that events or the timetable put within a period."""
    return await service.apart(_known_within, board, await service.departures(period.airport, None), period)


def resolve_known(flights: Mapping[FlightKey, FlightState], zone: ZoneInfo) -> list[ResolvedFlight]:
    """Take the flights of a board whose destination is known, as they are asked about."""
    return [
        ResolvedFlight.of(
            flight.airline,
            flight.flight_number,
            flight.origin,
            state.destination,
            LocalTime(datetime.fromisoformat(flight.scheduled_departure), state.departs),
            zone,
        )
        for flight, state in flights.items()
        if state.destination and state.destination != flight.origin
    ]


def key_of(flight: ResolvedFlight) -> FlightKey:
    """Give what a flight goes by on the board."""
    return FlightKey(flight.airline, flight.flight_number, flight.origin, flight.scheduled_departure)


def _known_within(board: Board, coming: Keys, period: Period) -> dict[FlightKey, FlightState]:
    return dict(_scheduled(coming, period)) | _states(board, period)


def _states(board: Board, period: Period) -> dict[FlightKey, FlightState]:
    within = (period.start.isoformat(timespec="minutes"), period.end.isoformat(timespec="minutes"))
    known = (
        (flight, state_of(events, period.moment))
        for flight, events in board.departures(period.airport)
        if within[0] <= flight.scheduled_departure < within[1]
    )
    return {flight: state for flight, state in known if state is not None}


def _scheduled(flights: Keys, period: Period) -> list[tuple[FlightKey, FlightState]]:
    """Give the flights of the timetable within a period, of which nothing else is known."""
    columns = (flights.airline, flights.flight_number, flights.destination)
    texts = (column.texts().tolist() for column in columns)
    rows = []
    for minute, airline, number, destination in zip(
        (flights.day * 1_440 + flights.minute).tolist(), *texts, strict=True
    ):
        clock = EPOCH + timedelta(minutes=minute)
        local = local_time(clock, period.zone) if period.start <= clock < period.end else None
        if local is not None:
            flight = FlightKey(airline, number, period.airport, clock.isoformat(timespec="minutes"))
            rows.append((flight, FlightState("scheduled", local.instant, destination, datetime.min)))
    return rows


def _likeliest(
    request: ResolvedRequest, predictions: Mapping[FlightKey, PredictedFlight], count: int
) -> ResolvedRequest:
    """Ask why, of the flights that have neither left nor been cancelled and are likeliest late."""
    open_ones = [
        flight
        for flight in request.flights
        if (prediction := predictions.get(key_of(flight))) is not None
        and prediction.status in (msgspec.UNSET, "overdue")
    ]
    open_ones.sort(key=lambda flight: -predictions[key_of(flight)].late_probability)
    return request._replace(flights=open_ones[:count], reasons=True)


def _shown(
    flight: FlightKey,
    state: FlightState,
    period: Period,
    prediction: PredictedFlight | None,
    board: Board,
    marks: MarkFeed | None,
) -> BoardFlight:
    has_events = state.known_at != datetime.min
    there = airports.look_up(state.destination) if state.destination else None
    there_zone = ZoneInfo(there.time_zone) if there is not None else UTC
    moments: dict[str, Any] = {
        name: _local(moment, period.zone)
        for name in ("left_at", "cancelled_at", "expected_departure")
        if (moment := getattr(state, name)) is not None
    }
    return BoardFlight(
        airline=flight.airline,
        flight_number=flight.flight_number,
        origin=flight.origin,
        scheduled_departure=flight.scheduled_departure,
        destination=state.destination or None,
        # Whether a flight is overdue depends on how fresh the news of its airport is, which its prediction knows.
        status=state.status if prediction is None else prediction.status or state.status,
        known_at=_local(state.known_at, period.zone) if has_events else None,
        arrived_at=None if state.arrived_at is None else _local(state.arrived_at, there_zone),
        revisions=state.revisions,
        tail=state.tail,
        inbound=inbound_of(board, flight, state, period.zone, period.moment),
        prediction=prediction,
        marks=shown_marks(marks, flight, period),
        **moments,
    )


def _local(moment: datetime, zone: Any) -> str:
    return moment.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")
