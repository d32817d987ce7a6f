"""Flights that `POST /predict` is asked about in the words of the Santiago table of 2017, whatever of them is given.

The contract's own words are tried first: this is looked at for what they are not, so it costs them nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from puntual.api.predict.contract import AirportCode, Code, DestinationCode, ScheduledFlight, Time
from puntual.api.predict.contract_errors import field_faults, flight_faults, request_faults
from puntual.api.predict.flight_reading import (
    NOTHING,
    find_airport,
    find_origin,
    meaningless,
    read_departure,
    refuse_round_trip,
)
from puntual.api.predict.flight_resolution import resolve
from puntual.api.predict.resolved_flight import ResolvedFlight, ResolvedRequest
from puntual.api.problems import FieldError, ProblemError, bad_fields, shown
from puntual.features.flight_keys import EPOCH
from puntual.flights.airports import Airport
from puntual.flights.flight_number import clean_flight_number
from puntual.sources.scl_words import AIRLINES, CITIES, EXPECTED, INTERNATIONAL, ORIGIN, WORDS, airline_of
from puntual.sources.times import LocalTime

Operator = Annotated[
    str, Meta(max_length=max(map(len, AIRLINES)), extra_json_schema={"enum": list(AIRLINES)})
]
City = Annotated[str, Meta(max_length=80)]
Number = Annotated[int, Meta(ge=0, le=99_999_999)]


class SclFlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scheduled departure from Santiago, in the words of the table of 2017; what is not given is unknown.

    `Emp-I` and `Des-I` come before `OPERA` and `SIGLADES`, which name airline and airport less exactly, and so do they
    and `Fecha-I` before `TIPOVUELO` and `MES`.
    """

    extra_json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1}

    scheduled: Time | None = msgspec.field(name="Fecha-I", default=None)
    number: Code | Number | None = msgspec.field(name="Vlo-I", default=None)
    origin: AirportCode | None = msgspec.field(name="Ori-I", default=None)
    destination: DestinationCode | None = msgspec.field(name="Des-I", default=None)
    airline: Code | None = msgspec.field(name="Emp-I", default=None)
    operator: Operator | None = msgspec.field(name="OPERA", default=None)
    kind: Literal["I", "N"] | None = msgspec.field(name="TIPOVUELO", default=None)
    month: Annotated[int, Meta(ge=1, le=12)] | None = msgspec.field(name="MES", default=None)
    city: City | None = msgspec.field(name="SIGLADES", default=None)


_WORDS = frozenset(WORDS)
_FIELDS = {field.encode_name: field.type for field in msgspec.structs.fields(SclFlight)}


def speaks_scl(request: Any) -> bool:
    """Tell whether a decoded JSON body has a flight with one of these words."""
    flights = request.get("flights") if isinstance(request, dict) else None
    return isinstance(flights, list) and any(map(_is_scl, flights))


def read_request(request: dict[str, Any], unlisted: Mapping[str, str] = NOTHING) -> ResolvedRequest:
    """Read a request with flights in these words, or some in these and some in our own; raise ProblemError."""
    errors = request_faults(request, _faults)
    if errors:
        raise bad_fields(errors)
    flights: list[ResolvedFlight] = []
    for row, flight in enumerate(map(_whole, request["flights"])):
        try:
            if _is_scl(flight):
                known = msgspec.convert(flight, SclFlight)
                flights.append(read_flight(known, f"#/flights/{row}", unlisted))
            else:
                flights += resolve([msgspec.convert(flight, ScheduledFlight)], unlisted, row)
        except ProblemError as problem:
            errors += problem.details.errors
    if errors:
        raise meaningless(errors)
    return ResolvedRequest(flights, request.get("as_of"), request.get("reasons", False))


def read_flight(flight: SclFlight, pointer: str, unlisted: Mapping[str, str] = NOTHING) -> ResolvedFlight:
    """Resolve what is given of a flight; raise ProblemError naming each word that means nothing."""
    errors: list[FieldError] = []
    names = {"Emp-I": flight.airline, "Vlo-I": None if flight.number is None else str(flight.number)}
    for word, text in names.items():
        if text is not None and not text.isalnum():
            errors.append(FieldError(f"{pointer}/{word}", shown(text), "letters and digits alone"))
    departs_from = ORIGIN if flight.origin is None else flight.origin
    origin = find_origin(departs_from, f"{pointer}/Ori-I", errors, unlisted)
    destination = _destination(flight, pointer, errors, unlisted)
    refuse_round_trip(origin, destination, f"{pointer}/Des-I", errors)
    departure = None
    if flight.scheduled is not None:
        departure = read_departure(flight.scheduled, f"{pointer}/Fecha-I", origin, errors)
    if errors or origin is None:
        raise meaningless(errors)
    return _resolved(flight, names["Vlo-I"], origin, destination, departure)


def _is_scl(flight: Any) -> bool:
    return isinstance(flight, dict) and not _WORDS.isdisjoint(flight)


def _whole(flight: dict[str, Any]) -> dict[str, Any]:
    """Write whole numbers as such: 3.0 is one in JSON, and what tools write once a cell of a column is empty."""
    return {
        word: int(cell) if isinstance(cell, float) and cell.is_integer() else cell
        for word, cell in flight.items()
    }


def _faults(flight: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    if not _is_scl(flight):
        yield from flight_faults(flight, pointer)
        return
    for fault in field_faults(_whole(flight), _FIELDS, set(), pointer):
        word = fault.pointer.rpartition("/")[2]
        yield FieldError(fault.pointer, fault.value, EXPECTED.get(word, fault.expected))
    # The schema alone knows which operators there are.
    operator = flight.get("OPERA")
    if isinstance(operator, str) and operator not in AIRLINES:
        yield FieldError(f"{pointer}/OPERA", shown(operator), EXPECTED["OPERA"])


def _destination(
    flight: SclFlight, pointer: str, errors: list[FieldError], unlisted: Mapping[str, str]
) -> Airport | None:
    code = CITIES.get(flight.city or "") if flight.destination is None else flight.destination
    return None if code is None else find_airport(code, f"{pointer}/Des-I", errors, unlisted)


def _resolved(
    flight: SclFlight,
    number: str | None,
    origin: Airport,
    destination: Airport | None,
    departure: LocalTime | None,
) -> ResolvedFlight:
    """Put the flight together; what stands in the place of something unknown is never looked at."""
    airline = flight.airline or (airline_of(flight.operator) if flight.operator else None)
    known = {
        "airline": airline,
        "flight_number": number,
        "destination": destination,
        "scheduled_departure": departure,
    }
    return ResolvedFlight.of(
        (airline or "").upper(),
        clean_flight_number(number or "", airline),
        origin.code,
        origin.code if destination is None else destination.code,
        departure or LocalTime(EPOCH, EPOCH.replace(tzinfo=UTC)),
        ZoneInfo(origin.time_zone),
        missing=tuple(name for name, value in known.items() if value is None),
        month=flight.month or 0,
        international=INTERNATIONAL.get(flight.kind or "", float("nan")),
    )
