"""The words of a flight one by one, each either understood or noted as a fault, with its pointer."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from http import HTTPStatus
from zoneinfo import ZoneInfo

from puntual.api.problems import FieldError, ProblemError, shown
from puntual.flights import airports
from puntual.flights.airports import Airport
from puntual.sources.times import LocalTime, local_time, parse_time

EARLIEST, LATEST = date(1990, 1, 1), date(2099, 12, 31)
NOTHING: Mapping[str, str] = {}


def meaningless(errors: list[FieldError]) -> ProblemError:
    """Refuse fields that are well formed but mean nothing, such as an airport that is none."""
    count = "1 field" if len(errors) == 1 else f"{len(errors)} fields"
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{count} cannot be used; see errors for each", errors
    )


def find_airport(
    code: str, pointer: str, errors: list[FieldError], unlisted: Mapping[str, str] = NOTHING
) -> Airport | None:
    """Look an airport up, in the list or among `unlisted`; None, and an entry in `errors`, where there is none."""
    airport = listed(code)
    if airport is not None:
        return airport
    own = airports.capitals(code)
    if own in unlisted:
        return airports.unlisted_airport(own, unlisted[own])
    expected = "an airport by its IATA or ICAO code, such as SCL or SCEL"
    errors.append(FieldError(pointer, shown(code), expected))
    return None


# The codes of the contract are short; to look one up takes longer than all else about a flight's words.
listed = lru_cache(maxsize=4_096)(airports.look_up)


def find_origin(
    code: str, pointer: str, errors: list[FieldError], unlisted: Mapping[str, str] = NOTHING
) -> Airport | None:
    """Look an airport up as `find_airport` does; one whose time zone is not known cannot be an origin."""
    airport = find_airport(code, pointer, errors, unlisted)
    if airport is None or airport.time_zone:
        return airport
    expected = (
        "an origin whose time zone is known; nobody lists this one, and the model saw no flight leave it"
    )
    errors.append(FieldError(pointer, shown(code), expected))
    return None


def read_time(text: str, pointer: str, errors: list[FieldError]) -> datetime | None:
    """Read an ISO 8601 time; a date alone is refused, since an unknown time is not midnight.

    None, and an entry in `errors`, for what is no time.
    """
    moment = parse_time(text)
    if moment is None:
        errors.append(FieldError(pointer, shown(text), "a time that exists, such as 2017-10-03T23:30"))
        return None
    if not EARLIEST <= moment.date() <= LATEST:
        errors.append(FieldError(pointer, shown(text), f"a time from {EARLIEST} to {LATEST}"))
        return None
    return moment


def read_departure(
    text: str, pointer: str, origin: Airport | None, errors: list[FieldError]
) -> LocalTime | None:
    """Read a time as the clocks at the origin show it; None, and an entry in `errors`, where they never do."""
    moment = read_time(text, pointer, errors)
    if moment is None or origin is None:
        return None
    return place_on_clocks(moment, ZoneInfo(origin.time_zone), text, pointer, errors)


def refuse_round_trip(
    origin: Airport | None, destination: Airport | None, pointer: str, errors: list[FieldError]
) -> None:
    """Add an entry to `errors` for a flight that goes to where it comes from."""
    if origin is not None and destination is not None and origin.code == destination.code:
        errors.append(FieldError(pointer, shown(destination.code), "another airport than the origin"))


def place_on_clocks(
    moment: datetime, zone: ZoneInfo, text: str, pointer: str, errors: list[FieldError]
) -> LocalTime | None:
    """Give what the clocks of a zone show then; None, and an entry in `errors`, for a time that they skip."""
    local = local_time(moment, zone)
    if local is None:
        expected = f"a time that exists: the clocks of {zone.key} skip this one; give another, or an offset"
        errors.append(FieldError(pointer, shown(text), expected))
    return local
