"""What people do about the flights of a board: as they send it, and as a board shows it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from puntual.api.live.period import Period
from puntual.api.predict.flight_reading import find_origin, meaningless, read_departure
from puntual.api.problems import FieldError, shown
from puntual.flights.flight_number import clean_flight_number
from puntual.operations.event import FlightKey
from puntual.operations.event_contract import EventAirport, EventCode
from puntual.operations.mark_feed import KEPT, MarkFeed
from puntual.operations.marks import LONGEST_NOTE, MarkKind

_OLDEST = KEPT - timedelta(days=1)


MarkTime = Annotated[
    str,
    Meta(
        min_length=10,
        max_length=40,
        description=f"Local to the origin unless it carries an offset; of the last {_OLDEST.days} days, or to come.",
        extra_json_schema={"format": "recent-flight-time"},
    ),
]


class MarkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is done about a flight of the last days or to come, by the holder of the key."""

    kind: Annotated[
        MarkKind,
        Meta(
            description="`acknowledged` takes a flight in hand, unless another has it; `handed_over` leaves it open "
            "for whoever acknowledges it next; `released` closes it; `note` adds a note."
        ),
    ]
    airline: EventCode
    flight_number: EventCode
    origin: EventAirport
    scheduled_departure: MarkTime
    note: Annotated[
        str, Meta(max_length=LONGEST_NOTE, description="Of a note, its text; one without adds nothing.")
    ] = ""


class Note(msgspec.Struct, frozen=True):
    """A note about a flight: whose key it came with, when, and its text."""

    by: Annotated[str, Meta(examples=["tower"])]
    at: Annotated[str, Meta(description="Local to the origin, to the minute.")]
    text: str


class FlightMarks(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who has a flight in hand and since when, who handed it over last, and the notes about it."""

    acknowledged_by: Annotated[str, Meta(examples=["tower"])] | None = None
    open_since: Annotated[str, Meta(description="Local to the origin, to the minute.")] | None = None
    handed_over_by: str | None = None
    notes: list[Note] = []


def shown_marks(feed: MarkFeed | None, flight: FlightKey, period: Period) -> FlightMarks | None:
    """Show what people had done about a flight by the moment of a period; None for nothing."""
    watch = None if feed is None else feed.watch(flight, period.moment)
    if watch is None:
        return None

    def local(moment: datetime) -> str:
        return moment.astimezone(period.zone).replace(tzinfo=None).isoformat(timespec="minutes")

    return FlightMarks(
        watch.holder,
        None if watch.open_since is None else local(watch.open_since),
        watch.handed_over_by,
        [Note(mark.key_name, local(mark.received), mark.note) for mark in watch.notes],
    )


def read_flight(sent: MarkRequest, now: datetime, unlisted: Mapping[str, str]) -> tuple[FlightKey, Period]:
    """Name the flight of a mark and its moment; raise ProblemError naming each field that means nothing."""
    errors: list[FieldError] = []
    origin = find_origin(sent.origin, "#/origin", errors, unlisted)
    departs = read_departure(sent.scheduled_departure, "#/scheduled_departure", origin, errors)
    if departs is not None and departs.instant < now - _OLDEST:
        expected = f"a departure of the last {_OLDEST.days} days, or to come"
        errors.append(FieldError("#/scheduled_departure", shown(sent.scheduled_departure), expected))
    if errors or origin is None or departs is None:
        raise meaningless(errors)
    clock = departs.clock.isoformat(timespec="minutes")
    number = clean_flight_number(sent.flight_number, sent.airline)
    return FlightKey(sent.airline.upper(), number, origin.code, clock), Period(
        origin.code, ZoneInfo(origin.time_zone), departs.clock, departs.clock, now.astimezone(UTC)
    )
