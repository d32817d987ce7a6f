"""The query parameters of the two predictions: what they are, and reading them."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from litestar.openapi.spec import Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from puntual.api.amadeus.errors import (
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


class _Wanted(NamedTuple):
    name: str
    pattern: str
    meaning: str
    example: str
    form: str | None = None


def _airport(name: str, example: str) -> _Wanted:
    return _Wanted(name, "[A-Z]{3}", "an airport by its IATA code", example, "iata-code")


def _date(name: str, example: str, form: str = "date") -> _Wanted:
    return _Wanted(name, "[0-9]{4}-[0-9]{2}-[0-9]{2}", "a date as YYYY-MM-DD", example, form)


def _time(name: str, example: str) -> _Wanted:
    pattern = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    return _Wanted(name, pattern, "a local time as HH:MM:SS", example)


_DURATION = (
    r"P(?=[0-9T])([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?"
    r"(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+([.,][0-9]+)?S)?)?"
)
FLIGHT = (
    _airport("originLocationCode", "NCE"),
    _airport("destinationLocationCode", "IST"),
    _date("departureDate", "2020-08-01"),
    _time("departureTime", "18:20:00"),
    # A format of its own, since it may not lie before the departure.
    _date("arrivalDate", "2020-08-03", "arrival-date"),
    _time("arrivalTime", "22:15:00"),
    _Wanted("aircraftCode", "[0-9A-Za-z]{3}", "three letters or digits", "321"),
    _Wanted("carrierCode", "[0-9A-Za-z]{1,2}", "one or two letters or digits", "TK"),
    _Wanted("flightNumber", "[0-9A-Za-z]{1,4}", "one to four letters or digits", "1816"),
    _Wanted("duration", _DURATION, "an ISO 8601 duration", "PT3H55M", "duration"),
)
AIRPORT = (_airport("airportCode", "JFK"), _date("date", "2023-11-12"))


class AirportDay(NamedTuple):
    """An airport, by its IATA code, and a day there."""

    airport: str
    day: date


def read_flight(query: bytes) -> tuple[ScheduledFlight, str]:
    """Read a flight and the id that its prediction has; raise QueryError naming each parameter at fault."""
    given = _read(query, FLIGHT)
    origin, destination = _airports(given, "originLocationCode", "destinationLocationCode")
    if origin.code == destination.code:
        same = f"is {destination.code}, which is the origin too"
        raise refused(vendor_error(INVALID_DATA, same, "destinationLocationCode"))
    departure = _moment(given, "departure", origin)
    if _moment(given, "arrival", destination) < departure:
        detail = "is before the departure"
        raise refused(vendor_error(INVALID_DATA, detail, "arrivalDate", f"{departure:%Y-%m-%d}"))
    flight = ScheduledFlight(
        origin.code,
        destination.code,
        f"{departure:%Y-%m-%dT%H:%M:%S}",
        airline=given["carrierCode"],
        flight_number=given["flightNumber"],
    )
    named = [
        given[name]
        for name in ("carrierCode", "flightNumber", "originLocationCode", "destinationLocationCode")
    ]
    return flight, "".join([*named, f"{departure:%Y%m%d}"])


def read_airport_day(query: bytes) -> AirportDay:
    """Read an airport and a day; raise QueryError naming each parameter at fault."""
    given = _read(query, AIRPORT)
    (airport,) = _airports(given, "airportCode")
    return AirportDay(airport.code, date.fromisoformat(given["date"]))


def described(wanted: Sequence[_Wanted]) -> list[Parameter]:
    """Describe parameters for the OpenAPI document."""
    return [
        Parameter(
            name=one.name,
            param_in="query",
            required=True,
            description=f"Such as {one.example}: {one.meaning}.",
            example=one.example,
            schema=Schema(
                type=OpenAPIType.STRING,
                # A format says more than its pattern: which airports and days there are.
                pattern=None if one.form else f"^{one.pattern}$",
                format=one.form,  # type: ignore[arg-type]
            ),
        )
        for one in wanted
    ]


def _read(query: bytes, wanted: Iterable[_Wanted]) -> dict[str, str]:
    try:
        given = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise refused(vendor_error(INVALID_DATA, f"more than {_MOST_PARAMETERS} parameters")) from error
    errors = [wrong for one in wanted if (wrong := _error_of(one, given.get(one.name, []))) is not None]
    if errors:
        raise refused(*errors)
    return {one.name: given[one.name][0] for one in wanted}


def _error_of(wanted: _Wanted, values: list[str]) -> VendorError | None:
    name, example = wanted.name, wanted.example
    if not values or not values[0]:
        return vendor_error(MISSING, f"is missing; expected {wanted.meaning}", name, example)
    value = values[0]
    if len(values) > 1:
        return vendor_error(
            INVALID_FORMAT, f"is given {len(values)} times; expected {wanted.meaning}", name, example
        )
    if not re.fullmatch(wanted.pattern, value):
        return vendor_error(INVALID_FORMAT, f"is {shown(value)}; expected {wanted.meaning}", name, example)
    return _error_of_date(wanted, value) if name.lower().endswith("date") else None


def _error_of_date(wanted: _Wanted, value: str) -> VendorError | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return vendor_error(
            INVALID_FORMAT, f"is {value}, no day of the calendar", wanted.name, wanted.example
        )
    if EARLIEST <= day <= LATEST:
        return None
    detail = f"is {value}; expected a date from {EARLIEST} to {LATEST}"
    return vendor_error(INVALID_DATA, detail, wanted.name, wanted.example)


def _airports(given: dict[str, str], *names: str) -> list[Airport]:
    listed = {name: airports.look_up(given[name]) for name in names}
    errors = [
        vendor_error(INVALID_OPTION, f"is {given[name]}, which is no airport that IATA lists", name, "JFK")
        for name, airport in listed.items()
        if airport is None
    ]
    if errors:
        raise refused(*errors)
    return [airport for airport in listed.values() if airport is not None]


def _moment(given: dict[str, str], which: str, where: Airport) -> datetime:
    local = datetime.fromisoformat(f"{given[f'{which}Date']}T{given[f'{which}Time']}")
    return local.replace(tzinfo=ZoneInfo(where.time_zone))
