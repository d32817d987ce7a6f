"""The query parameters of the two predictions: what they are, and reading them."""

import re
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple, TypeVar
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from puntual.api.amadeus.vendor_errors import (
    INVALID_DATA,
    INVALID_FORMAT,
    INVALID_OPTION,
    MISSING,
    VendorError,
    refused,
    vendor_error,
)
from puntual.api.predict.contract import ScheduledFlight
from puntual.api.predict.flight_reading import EARLIEST, LATEST
from puntual.api.problems import shown
from puntual.flights import airports
from puntual.flights.airports import Airport

_MOST_PARAMETERS = 50


IataCode = Annotated[
    str,
    Meta(
        pattern="^[A-Z]{3}$",
        description="an airport by its IATA code",
        extra_json_schema={"format": "iata-code"},
    ),
]
IsoDate = Annotated[
    str,
    Meta(
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="a date as YYYY-MM-DD",
        extra_json_schema={"format": "date"},
    ),
]
ClockTime = Annotated[
    str,
    Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$", description="a local time as HH:MM:SS"),
]
Duration = Annotated[
    str,
    Meta(
        pattern=r"^P(?=[0-9T])([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?"
        r"(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+([.,][0-9]+)?S)?)?$",
        description="an ISO 8601 duration",
        extra_json_schema={"format": "duration"},
    ),
]
AircraftCode = Annotated[str, Meta(pattern="^[0-9A-Za-z]{3}$", description="three letters or digits")]
CarrierCode = Annotated[str, Meta(pattern="^[0-9A-Za-z]{1,2}$", description="one or two letters or digits")]
FlightNumber = Annotated[str, Meta(pattern="^[0-9A-Za-z]{1,4}$", description="one to four letters or digits")]


class FlightQuery(msgspec.Struct, frozen=True, rename="camel"):
    """A flight as the client asks about it."""

    origin_location_code: Annotated[IataCode, Meta(examples=["NCE"])]
    destination_location_code: Annotated[IataCode, Meta(examples=["IST"])]
    departure_date: Annotated[IsoDate, Meta(examples=["2020-08-01"])]
    departure_time: Annotated[ClockTime, Meta(examples=["18:20:00"])]
    # A format of its own, since it may not lie before the departure.
    arrival_date: Annotated[
        IsoDate, Meta(examples=["2020-08-03"], extra_json_schema={"format": "arrival-date"})
    ]
    arrival_time: Annotated[ClockTime, Meta(examples=["22:15:00"])]
    aircraft_code: Annotated[AircraftCode, Meta(examples=["321"])]
    carrier_code: Annotated[CarrierCode, Meta(examples=["TK"])]
    flight_number: Annotated[FlightNumber, Meta(examples=["1816"])]
    duration: Annotated[Duration, Meta(examples=["PT3H55M"])]


class AirportDayQuery(msgspec.Struct, frozen=True, rename="camel"):
    """An airport's day as the client asks about it."""

    airport_code: Annotated[IataCode, Meta(examples=["JFK"])]
    date: Annotated[IsoDate, Meta(examples=["2023-11-12"])]


Query = TypeVar("Query", bound=msgspec.Struct)


class AirportDay(NamedTuple):
    """An airport, by its IATA code, and a day there."""

    airport: str
    day: date


def read_flight(query: bytes) -> tuple[ScheduledFlight, str]:
    """Read a flight and the id that its prediction has; raise QueryError naming each parameter at fault."""
    given = _read(query, FlightQuery)
    origin, destination = _airports(
        originLocationCode=given.origin_location_code, destinationLocationCode=given.destination_location_code
    )
    if origin.code == destination.code:
        same = f"is {destination.code}, which is the origin too"
        raise refused(vendor_error(INVALID_DATA, same, "destinationLocationCode"))
    departure = _moment(given.departure_date, given.departure_time, origin)
    if _moment(given.arrival_date, given.arrival_time, destination) < departure:
        detail = "is before the departure"
        raise refused(vendor_error(INVALID_DATA, detail, "arrivalDate", f"{departure:%Y-%m-%d}"))
    flight = ScheduledFlight(
        origin.code,
        destination.code,
        f"{departure:%Y-%m-%dT%H:%M:%S}",
        airline=given.carrier_code,
        flight_number=given.flight_number,
    )
    named = (
        given.carrier_code,
        given.flight_number,
        given.origin_location_code,
        given.destination_location_code,
    )
    return flight, "".join([*named, f"{departure:%Y%m%d}"])


def read_airport_day(query: bytes) -> AirportDay:
    """Read an airport and a day; raise QueryError naming each parameter at fault."""
    given = _read(query, AirportDayQuery)
    (airport,) = _airports(airportCode=given.airport_code)
    return AirportDay(airport.code, date.fromisoformat(given.date))


def _read(query: bytes, wanted: type[Query]) -> Query:
    """Read a query as a type; raise QueryError naming all parameters at fault, each as the vendor does."""
    try:
        given = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise refused(vendor_error(INVALID_DATA, f"more than {_MOST_PARAMETERS} parameters")) from error
    parameters = msgspec.json.schema(wanted)["$defs"][wanted.__name__]["properties"]
    errors = [_error_of(name, schema, given.get(name, [])) for name, schema in parameters.items()]
    if wrong := [error for error in errors if error is not None]:
        raise refused(*wrong)
    return msgspec.convert({name: given[name][0] for name in parameters}, wanted)


def _error_of(name: str, schema: dict[str, Any], values: list[str]) -> VendorError | None:
    meaning, (example,) = schema["description"], schema["examples"]
    if not values or not values[0]:
        return vendor_error(MISSING, f"is missing; expected {meaning}", name, example)
    value = values[0]
    if len(values) > 1:
        return vendor_error(
            INVALID_FORMAT, f"is given {len(values)} times; expected {meaning}", name, example
        )
    if not re.fullmatch(schema["pattern"], value):
        return vendor_error(INVALID_FORMAT, f"is {shown(value)}; expected {meaning}", name, example)
    return _error_of_date(name, example, value) if schema.get("format", "").endswith("date") else None


def _error_of_date(name: str, example: str, value: str) -> VendorError | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return vendor_error(INVALID_FORMAT, f"is {value}, no day of the calendar", name, example)
    if EARLIEST <= day <= LATEST:
        return None
    detail = f"is {value}; expected a date from {EARLIEST} to {LATEST}"
    return vendor_error(INVALID_DATA, detail, name, example)


def _airports(**codes: str) -> list[Airport]:
    """Look up the airports of parameters, each by its name."""
    listed = {name: airports.look_up(code) for name, code in codes.items()}
    errors = [
        vendor_error(INVALID_OPTION, f"is {codes[name]}, which is no airport that IATA lists", name, "JFK")
        for name, airport in listed.items()
        if airport is None
    ]
    if errors:
        raise refused(*errors)
    return [airport for airport in listed.values() if airport is not None]


def _moment(day: str, time: str, where: Airport) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=ZoneInfo(where.time_zone))
