"""`POST /events`, `GET /flights`, its stream and `POST /flights/marks`: the day as it unfolds."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Stream

from puntual.api.described import WITH_A_KEY, answers_text, describe_problems, takes, with_examples
from puntual.api.http.media_type import require_media_type
from puntual.api.live.airport_board import MOST_REASONS, AirportFlights, airport_flights, write_with_flights
from puntual.api.live.board_stream import MOST_HOURS, STREAM, STREAM_EXAMPLE, BoardStreams, StreamedBoard
from puntual.api.live.event_intake import EventIntake, EventsRequest, EventsTaken
from puntual.api.live.flight_marks import FlightMarks, MarkRequest
from puntual.api.live.mark_intake import MarkIntake
from puntual.api.live.period import read_period
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel
from puntual.operations.event_contract import MOST_EVENTS, Left

EXAMPLE = Left(
    airline="UA",
    flight_number="1545",
    origin="EWR",
    destination="IAH",
    scheduled_departure="2013-10-03T05:15",
    scheduled_arrival="2013-10-03T08:19",
    at="2013-10-03T05:17",
    known_at="2013-10-03T05:18",
)
MARK = MarkRequest("acknowledged", "LAN", "226", "SCL", "2037-10-03T23:30")
_MARK = msgspec.json.Decoder(MarkRequest)
_BOUND = "local to the airport unless it carries an offset; a date alone is the whole day."

_TIME = {"format": "day-or-flight-time"}


@post(
    "/events",
    status_code=200,
    operation_id="postEvents",
    summary="Tell what happened",
    tags=["live"],
    security=WITH_A_KEY,
    operation_class=takes(
        EventsRequest, example=EventsRequest([EXAMPLE]), description=f"1 to {MOST_EVENTS:,} events."
    ),
    responses=describe_problems(400, 403, 408, 413, 415, 503),
)
async def post_events(request: Request[Any, Any, Any], state: State) -> EventsTaken:
    """Take news of flights and airports: departures, arrivals, cancellations, revised times, tails and weather.

    Once this is answered with 200 what was applied is durable. Events may come in any order and again; of those that
    contradict each other the one that was known last counts. Each is taken or refused by itself. After a 503 none is
    acknowledged, and all may be sent again.
    """
    # Raw, since each event is read by itself, and a bad one takes no other with it.
    require_media_type(request, "application/json")
    intake: EventIntake = state.events
    service: ServingModel = state.service
    return await intake.take(await request.body(), dict(service.unlisted))


@get(
    "/flights",
    operation_id="getFlights",
    summary="See an airport's board",
    tags=["live"],
    security=WITH_A_KEY,
    operation_class=with_examples(airport="SCL"),
    responses=describe_problems(400, 422, 503),
)
async def get_flights(
    request: Request[Any, Any, Any],
    state: State,
    airport: Annotated[
        str,
        QueryParameter(
            description="IATA or ICAO code.", schema_extra={"format": "airport-code"}, max_length=8
        ),
    ],
    start: Annotated[
        str,
        QueryParameter(
            name="from", description=f"First scheduled departure, {_BOUND}", max_length=40, schema_extra=_TIME
        ),
    ] = "",
    end: Annotated[
        str,
        QueryParameter(
            name="to", description=f"End of scheduled departures, {_BOUND}", max_length=40, schema_extra=_TIME
        ),
    ] = "",
    as_of: Annotated[
        str,
        QueryParameter(
            description="What was known at this moment; now where it is not given.",
            max_length=40,
            schema_extra={"format": "flight-time"},
        ),
    ] = "",
    reasons: Annotated[
        int,
        QueryParameter(
            description="Give reasons for so many flights: of those still to leave, the likeliest late.",
            ge=0,
            le=MOST_REASONS,
        ),
    ] = 0,
) -> Response[AirportFlights]:
    """Give the flights that leave an airport, what is known of each, and what is predicted of it.

    They are those of the timetable that the service was given and those that events told of; without `from` and `to`
    those of the last 6 and the next 18 hours, and with one of them those of a day.
    """
    service: ServingModel = state.service
    intake: EventIntake = state.events
    period = read_period(airport, start, end, as_of, service.unlisted)
    request_id = request.state.call["request_id"]
    marks: MarkIntake = state.marks
    count, body = await airport_flights(
        service,
        intake.board,
        marks.feed,
        period,
        _written,
        as_of=as_of,
        request_id=request_id,
        reasons=reasons,
    )
    state.guard.charge_flights(count)
    return Response(body, media_type=MediaType.JSON)  # type: ignore[arg-type]


def _written(board: AirportFlights) -> tuple[int, bytes]:
    flights = [msgspec.json.encode(flight) for flight in board.flights]
    return len(flights), write_with_flights(board, flights)


@post(
    "/flights/marks",
    status_code=200,
    operation_id="postMark",
    summary="Acknowledge a flight, hand it over, or note something",
    tags=["live"],
    security=WITH_A_KEY,
    operation_class=takes(
        MarkRequest, example=MARK, description="One mark of one flight, signed with the name of the key."
    ),
    responses=describe_problems(400, 403, 408, 413, 415, 422, 503),
)
async def post_mark(request: Request[Any, Any, Any], state: State) -> FlightMarks:
    """Keep what the holder of a key does about a flight, for all who look at its board.

    Once this is answered with 200 it is durable, and others see it within two seconds. Of two who acknowledge one
    flight the first has it, which the answer says; one that was handed over stays open since it was acknowledged.
    """
    require_media_type(request, "application/json")
    marks: MarkIntake = state.marks
    try:
        sent = _MARK.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is no mark as JSON: {error}") from error
    return await marks.take(sent, dict(state.service.unlisted))


@get(
    "/flights/stream",
    operation_id="streamFlights",
    summary="Follow an airport's board",
    tags=["live"],
    security=WITH_A_KEY,
    operation_class=answers_text("text/event-stream", STREAM, example=STREAM_EXAMPLE, airport="SCL"),
    responses=describe_problems(400, 422, 503),
)
async def stream_flights(
    request: Request[Any, Any, Any],
    state: State,
    airport: Annotated[
        str,
        QueryParameter(
            description="IATA or ICAO code.", schema_extra={"format": "airport-code"}, max_length=8
        ),
    ],
    before: Annotated[int, QueryParameter(description="From so many hours ago.", ge=0, le=MOST_HOURS)] = 6,
    hours: Annotated[int, QueryParameter(description="To so many hours ahead.", ge=1, le=MOST_HOURS)] = 18,
    reasons: Annotated[
        int,
        QueryParameter(
            description="Give reasons for so many flights: of those still to leave, the likeliest late.",
            ge=0,
            le=MOST_REASONS,
        ),
    ] = 0,
) -> Stream:
    """Follow the board that `GET /flights` gives once, as server-sent events, until the caller goes away.

    The answer has no end: read it as it arrives, such as with `curl --no-buffer` or `fetch`. What happened is told
    within two seconds. A comment every five seconds is a sign of life; whoever hears nothing for longer calls again.
    """
    streams: BoardStreams = state.streams
    wanted = StreamedBoard(airport, timedelta(hours=before), timedelta(hours=hours), reasons)
    parts = streams.open(wanted, dict(request.scope["headers"]), request.state.call["request_id"])
    return Stream(parts, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


ROUTES = (post_events, get_flights, stream_flights, post_mark)
