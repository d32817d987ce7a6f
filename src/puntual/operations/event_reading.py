"""From an event as it was sent to one that the journal keeps, or to the reason why it is refused.

Whether an event is refused depends on the event and on the clock alone, never on what else is known, so that a feed
may come in any order and again. Events that contradict each other are all kept, and the one known last counts.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from puntual.flights import airports
from puntual.flights.airports import Airport
from puntual.flights.flight_number import clean_flight_number
from puntual.flights.operations import MEASURES
from puntual.operations.event import KnownEvent, with_content_key
from puntual.operations.event_contract import (
    Arrived,
    Expected,
    FlightEvent,
    Left,
    SentEvent,
    Tail,
    Weather,
)
from puntual.sources.times import LocalTime, local_time, parse_time

RefusalReason = Literal["malformed", "meaningless", "contradictory", "future"]
# Clocks of those who send may be ahead of ours by so much.
TOLERANCE = timedelta(minutes=2)
EARLIEST, LATEST = timedelta(hours=-24), timedelta(days=7)
_YEARS = range(1990, 2100)
_SHOWN = 60
_DECODER = msgspec.json.Decoder(SentEvent)
_PLACE = re.compile(r"(.*) - at `\$(?:\.([\w.]+))?`$")
_NOTHING: Mapping[str, str] = {}


class RefusedEvent(msgspec.Struct, frozen=True):
    """An event that was not taken: its place among those sent, the field at fault, what it holds and what it should."""

    index: int
    reason: Annotated[
        RefusalReason,
        Meta(
            description="malformed: not as the schema says; meaningless: a field that holds nothing that is, such as "
            "an unknown airport; contradictory: its times cannot all be true; future: known later than now."
        ),
    ]
    pointer: Annotated[str, Meta(examples=["#/events/3/at"])]
    value: str
    expected: str


class EventRefusal(Exception):  # noqa: N818
    """Why an event is refused, and the field at fault."""

    def __init__(self, reason: RefusalReason, field: str, value: object, expected: str) -> None:
        super().__init__(expected)
        self.reason, self.field, self.expected = reason, field, expected
        text = "" if value is None else str(value)
        self.value = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"

    def at(self, index: int) -> RefusedEvent:
        """Name the place of the event among those sent."""
        pointer = f"#/events/{index}" + (f"/{self.field}" if self.field else "")
        return RefusedEvent(index, self.reason, pointer, self.value, self.expected)


class ReadEvents(NamedTuple):
    """The events of a batch that can be kept, in their order, and the others."""

    events: list[KnownEvent]
    refused: list[RefusedEvent]


def read_events(sent: list[msgspec.Raw], now: datetime, unlisted: Mapping[str, str] = _NOTHING) -> ReadEvents:
    """Read each event of a batch; `now` is in UTC.

    `unlisted` are airports that nobody lists and the model knows, with their time zones.
    """
    events: list[KnownEvent] = []
    refused: list[RefusedEvent] = []
    for index, raw in enumerate(sent):
        try:
            events.append(read_event(_decoded(raw), now, unlisted))
        except EventRefusal as refusal:
            refused.append(refusal.at(index))
    return ReadEvents(events, refused)


def read_event(sent: SentEvent, now: datetime, unlisted: Mapping[str, str] = _NOTHING) -> KnownEvent:
    """Read one event; raise EventRefusal where it cannot be kept."""
    event = _weather(sent, unlisted) if isinstance(sent, Weather) else _flight(sent, unlisted)
    if event.known_at > now + TOLERANCE:
        known = sent.known_at or sent.at
        raise EventRefusal(
            "future", "known_at" if sent.known_at else "at", known, "a moment that has passed; it lies ahead"
        )
    if sent.at is not None and event.at > event.known_at + TOLERANCE:
        raise EventRefusal("contradictory", "known_at", sent.known_at, "not before `at`, when it happened")
    return with_content_key(event)


def _decoded(raw: msgspec.Raw) -> SentEvent:
    try:
        sent: SentEvent = _DECODER.decode(raw)
        return sent
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        match = _PLACE.match(str(error))
        message, field = (match[1], match[2] or "") if match else (str(error), "")
        raise EventRefusal("malformed", field, bytes(raw).decode(errors="replace"), message) from error


def _flight(sent: FlightEvent, unlisted: Mapping[str, str]) -> KnownEvent:
    origin = _place(sent.origin, "origin", unlisted)
    zone = _zone(origin, "origin", sent.origin)
    destination = None if sent.destination is None else _place(sent.destination, "destination", unlisted)
    if destination is not None and destination.code == origin.code:
        raise EventRefusal(
            "contradictory", "destination", sent.destination, "another airport than the origin"
        )
    departs = _moment(sent.scheduled_departure, "scheduled_departure", zone)
    known_at = _moment(sent.known_at, "known_at", _where(sent, zone, destination)).instant
    at = known_at if sent.at is None else _moment(sent.at, "at", _where(sent, zone, destination)).instant
    expected = (
        _moment(sent.expected_departure, "expected_departure", zone).instant
        if isinstance(sent, Expected)
        else None
    )
    _refuse_far(sent, at if isinstance(sent, Left | Arrived) else expected, departs.instant)
    return KnownEvent(
        "",
        str(type(sent).__struct_config__.tag),
        origin.code,
        sent.airline.upper(),
        clean_flight_number(sent.flight_number, sent.airline),
        departs.clock.isoformat(timespec="minutes"),
        "" if destination is None else destination.code,
        departs.instant,
        _arrival(sent, destination),
        at,
        known_at,
        expected,
        sent.tail.upper() if isinstance(sent, Tail) else None,
        None,
    )


def _weather(sent: Weather, unlisted: Mapping[str, str]) -> KnownEvent:
    airport = _place(sent.airport, "airport", unlisted)
    zone = _zone(airport, "airport", sent.airport)
    at = _moment(sent.at, "at", zone).instant
    known_at = at if sent.known_at is None else _moment(sent.known_at, "known_at", zone).instant
    measured = {name: value for name in MEASURES if (value := getattr(sent, name)) is not None}
    if not measured:
        raise EventRefusal("meaningless", "", None, f"one measurement at least, of {', '.join(MEASURES)}")
    observation = msgspec.json.encode(measured).decode()
    return KnownEvent(
        "", "weather", airport.code, "", "", "", "", None, None, at, known_at, None, None, observation
    )


def _refuse_far(sent: FlightEvent, moment: datetime | None, departs: datetime) -> None:
    """Refuse what is so far from schedule that one of the two times must be wrong."""
    if moment is not None and not EARLIEST <= moment - departs <= LATEST:
        field = "expected_departure" if isinstance(sent, Expected) else "at"
        expected = "at most 24 hours before the scheduled departure and 7 days after it"
        raise EventRefusal("contradictory", field, getattr(sent, field), expected)


def _where(sent: FlightEvent, zone: ZoneInfo, destination: Airport | None) -> ZoneInfo | None:
    """Give the clocks that show when an event happened: those of the destination where a flight arrived."""
    if not isinstance(sent, Arrived):
        return zone
    return ZoneInfo(destination.time_zone) if destination is not None and destination.time_zone else None


def _arrival(sent: FlightEvent, destination: Airport | None) -> str | None:
    if sent.scheduled_arrival is None:
        return None
    zone = ZoneInfo(destination.time_zone) if destination is not None and destination.time_zone else None
    if zone is None:
        # Without clocks to place it on it stays as it was written.
        moment = _parsed(sent.scheduled_arrival, "scheduled_arrival")
        return moment.isoformat(timespec="minutes")
    return _moment(sent.scheduled_arrival, "scheduled_arrival", zone).clock.isoformat(timespec="minutes")


def _place(code: str, field: str, unlisted: Mapping[str, str]) -> Airport:
    airport = _listed(code)
    if airport is not None:
        return airport
    own = airports.capitals(code)
    if own in unlisted or (field == "destination" and airports.looks_like_code(own)):
        return airports.unlisted_airport(own, unlisted.get(own, ""))
    raise EventRefusal("meaningless", field, code, "an airport by its IATA or ICAO code, such as SCL or SCEL")


_listed = lru_cache(maxsize=4_096)(airports.look_up)


def _zone(airport: Airport, field: str, code: str) -> ZoneInfo:
    if not airport.time_zone:
        raise EventRefusal("meaningless", field, code, "an airport whose time zone is known")
    return ZoneInfo(airport.time_zone)


def _moment(text: str, field: str, zone: ZoneInfo | None) -> LocalTime:
    """Place a time on the clocks of a zone; without one it needs an offset."""
    moment = _parsed(text, field)
    if zone is None:
        if moment.tzinfo is None:
            expected = "a time with an offset, since the time zone there is not known"
            raise EventRefusal("meaningless", field, text, expected)
        zone = ZoneInfo("UTC")
    local = local_time(moment, zone)
    if local is None:
        raise EventRefusal(
            "meaningless", field, text, f"a time that exists: the clocks of {zone.key} skip it"
        )
    return local


def _parsed(text: str, field: str) -> datetime:
    moment = parse_time(text)
    if moment is None or moment.year not in _YEARS:
        expected = "a time that exists, from 1990 to 2099, such as 2017-10-03T23:30"
        raise EventRefusal("meaningless", field, text, expected)
    if moment.tzinfo is None:
        return moment
    # A moment near the ends of the calendar has no time on other clocks.
    return moment.astimezone(UTC)
