"""Every fault of a request that the typed decoder refused, each with its pointer: it stops at the first."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec

from puntual.api.predict.contract import MOST_FLIGHTS, PredictRequest, ScheduledFlight
from puntual.api.problems import MOST_ERRORS, FieldError, shown

_FLIGHT_FIELDS = {field.name: field.type for field in msgspec.structs.fields(ScheduledFlight)}
_REQUIRED = {field.name for field in msgspec.structs.fields(ScheduledFlight) if field.required}
_REQUEST_FIELDS = {field.name: field.type for field in msgspec.structs.fields(PredictRequest)}
LONGEST_NAME = 200
_LOCATION = re.compile(r" - at `\$.*`$")


def faults(request: Any, first: str) -> list[FieldError]:
    """Check a decoded JSON body against the contract of `PredictRequest`, field by field.

    `first` is the message of the typed decoder: of a field that is given twice it may have seen the other one.
    """
    return request_faults(request, flight_faults) or [FieldError("#", shown(request), first)]


def request_faults(
    request: Any, faults_of: Callable[[dict[str, Any], str], Iterator[FieldError]]
) -> list[FieldError]:
    """Check a decoded JSON body, each of its flights by `faults_of`, which takes it with its pointer.

    One more than a problem lists is enough, however many fields there are.
    """
    return list(islice(_each_fault(request, faults_of), MOST_ERRORS + 1))


def _each_fault(
    request: Any, faults_of: Callable[[dict[str, Any], str], Iterator[FieldError]]
) -> Iterator[FieldError]:
    if not isinstance(request, dict):
        yield FieldError("#", shown(request), "an object with flights")
        return
    yield from field_faults(request, _REQUEST_FIELDS, {"flights"}, "#", skip={"flights"})
    flights = request.get("flights")
    if "flights" not in request:
        return
    if not isinstance(flights, list) or not 0 < len(flights) <= MOST_FLIGHTS:
        yield FieldError("#/flights", shown(flights), f"an array of 1 to {MOST_FLIGHTS} flights")
        return
    for row, flight in enumerate(flights):
        pointer = f"#/flights/{row}"
        if isinstance(flight, dict):
            yield from faults_of(flight, pointer)
        else:
            yield FieldError(pointer, shown(flight), "an object, one flight")


def flight_faults(flight: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    """Check one flight against the contract of `ScheduledFlight`."""
    return field_faults(flight, _FLIGHT_FIELDS, _REQUIRED, pointer)


def field_faults(
    given: dict[str, Any],
    known: dict[str, Any],
    required: set[str],
    pointer: str,
    skip: frozenset[str] | set[str] = frozenset(),
) -> Iterator[FieldError]:
    """Check the fields of an object against their types, but for those to skip."""
    for name in sorted(required - given.keys()):
        yield FieldError(f"{pointer}/{name}", "", "required field is missing")
    for name, value in given.items():
        # A name is as long as its sender likes.
        place = f"{pointer}/{name[:LONGEST_NAME].replace('~', '~0').replace('/', '~1')}"
        if name not in known:
            yield FieldError(place, shown(value), "no such field; known are " + ", ".join(known))
        elif name not in skip:
            try:
                msgspec.convert(value, known[name])
            except msgspec.ValidationError as error:
                yield FieldError(place, shown(value), _expectation(str(error)))


def _expectation(message: str) -> str:
    """Say what the typed decoder expected, in words where it names the pattern of a code."""
    expected = _LOCATION.sub("", message).removeprefix("Expected ")
    return "letters and digits alone" if "matching regex" in expected else expected
