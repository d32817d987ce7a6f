"""Every fault of a request that the typed decoder refused, each with its pointer: it stops at the first."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from puntual.api.contract import MOST_FLIGHTS, AskedFlight, PredictRequest
from puntual.api.problems import FieldError, shown

_FLIGHT_FIELDS = {field.name: field.type for field in msgspec.structs.fields(AskedFlight)}
_REQUEST_FIELDS = {field.name: field.type for field in msgspec.structs.fields(PredictRequest)}
_LOCATION = re.compile(r" - at `\$.*`$")


def faults(request: Any, first: str) -> list[FieldError]:
    """Check a decoded JSON body against the contract of `PredictRequest`, field by field.

    `first` is what the typed decoder said: of a field that is given twice it may have seen the other one.
    """
    return list(_faults(request)) or [FieldError("#", shown(request), first)]


def _faults(request: Any) -> list[FieldError]:
    if not isinstance(request, dict):
        return [FieldError("#", shown(request), "an object with flights")]
    found = list(_fields(request, _REQUEST_FIELDS, {"flights"}, "#", skip={"flights"}))
    flights = request.get("flights")
    if "flights" not in request:
        return found
    if isinstance(flights, list) and 0 < len(flights) <= MOST_FLIGHTS:
        for row, flight in enumerate(flights):
            pointer = f"#/flights/{row}"
            if isinstance(flight, dict):
                found += _fields(flight, _FLIGHT_FIELDS, set(_FLIGHT_FIELDS), pointer)
            else:
                found.append(FieldError(pointer, shown(flight), "an object, one flight"))
    else:
        found.append(FieldError("#/flights", shown(flights), f"an array of 1 to {MOST_FLIGHTS} flights"))
    return found


def _fields(
    given: dict[str, Any],
    known: dict[str, Any],
    required: set[str],
    pointer: str,
    skip: frozenset[str] | set[str] = frozenset(),
) -> Iterator[FieldError]:
    for name in sorted(required - given.keys()):
        yield FieldError(f"{pointer}/{name}", "", "this field, which is missing")
    for name, value in given.items():
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in known:
            yield FieldError(place, shown(value), "no such field; known are " + ", ".join(known))
        elif name not in skip:
            try:
                msgspec.convert(value, known[name])
            except msgspec.ValidationError as error:
                yield FieldError(place, shown(value), _LOCATION.sub("", str(error)))
