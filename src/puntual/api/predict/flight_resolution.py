"""From a flight as a request names it to the keys of its features; each distinct one is worked out once."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from puntual.api.predict.contract import ScheduledFlight
from puntual.api.problems import FieldError, ProblemError, shown
from puntual.features.flight_keys import NAMED, UNKNOWABLE, Keys, Unknown, category_of
from puntual.flights import airports
from puntual.flights.airports import Airport
from puntual.flights.flight_number import clean_flight_number
from puntual.sources.times import LocalTime, local_time, parse_time

EARLIEST, LATEST = date(1990, 1, 1), date(2099, 12, 31)
_EPOCH = date(1970, 1, 1)
_MINUTE = timedelta(minutes=1)


@dataclass(slots=True, eq=False)
class ResolvedFlight:
    """A flight with its airports looked up and its time local to the origin: day (since 1970) and minute.

    `scheduled_departure` is written as the clocks there show it and `instant` is the same in UTC; `slots` tells where
    the predictions of this flight are kept, by the day before which operations are known. Of what is `missing`
    something else stands in its place, and `month` and `international` say what is known all the same, as
    `features.flight_keys.Unknown` does. Where `twice`, the clocks show this time twice and the first was taken.
    """

    airline: str
    flight_number: str
    origin: str
    destination: str
    scheduled_departure: str
    instant: datetime
    zone: ZoneInfo
    day: int
    minute: int
    slots: dict[int, int] = field(default_factory=dict)
    twice: bool = False
    missing: tuple[str, ...] = ()
    month: int = 0
    international: float = float("nan")

    @classmethod
    def of(
        cls,
        airline: str,
        flight_number: str,
        origin: str,
        destination: str,
        departure: LocalTime,
        zone: ZoneInfo,
        missing: tuple[str, ...] = (),
        month: int = 0,
        international: float = float("nan"),
    ) -> "ResolvedFlight":
        """Put a flight together; `departure` is that on the clocks of its origin."""
        clock = departure.clock
        return cls(
            sys.intern(airline),
            sys.intern(flight_number),
            origin,
            destination,
            # Most requests write it in these very words, which are then kept once.
            sys.intern(clock.isoformat(timespec="minutes")),
            departure.instant,
            zone,
            (clock.date() - _EPOCH).days,
            clock.hour * 60 + clock.minute,
            twice=departure.twice,
            missing=missing,
            month=month,
            international=international,
        )


class ResolvedRequest(NamedTuple):
    """A request whose flights were read from other words than the contract's."""

    flights: list[ResolvedFlight]
    as_of: str | None = None
    reasons: bool = False


class Moments(NamedTuple):
    """The cut-off of one flight: the day before which operations are known, and the real minutes to the departure."""

    closed: int
    horizon: int


NOTHING: Mapping[str, str] = {}


def resolve(flight: ScheduledFlight, pointer: str, unlisted: Mapping[str, str] = NOTHING) -> ResolvedFlight:
    """Look up the airports and read the time of a flight; raise ProblemError naming each field that means nothing.

    `unlisted` are airports that nobody lists and the model knows, with their time zones.
    """
    names = (("airline", flight.airline), ("flight_number", flight.flight_number))
    errors = [
        FieldError(f"{pointer}/{name}", shown(text), "letters and digits alone")
        for name, text in names
        if text is not None and not text.isalnum()
    ]
    origin = find_origin(flight.origin, f"{pointer}/origin", errors, unlisted)
    destination = find_airport(flight.destination, f"{pointer}/destination", errors, unlisted)
    refuse_round_trip(origin, destination, f"{pointer}/destination", errors)
    departure = read_departure(flight.scheduled_departure, f"{pointer}/scheduled_departure", origin, errors)
    if errors or origin is None or destination is None or departure is None:
        raise meaningless(errors)
    return ResolvedFlight.of(
        (flight.airline or "").upper(),
        clean_flight_number(flight.flight_number or "", flight.airline),
        origin.code,
        destination.code,
        departure,
        ZoneInfo(origin.time_zone),
        missing=tuple(name for name, text in names if text is None),
    )


def meaningless(errors: list[FieldError]) -> ProblemError:
    """Refuse fields that are well formed but mean nothing, such as an airport that is none."""
    count = "1 field" if len(errors) == 1 else f"{len(errors)} fields"
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{count} cannot be used; see errors for each", errors
    )


@lru_cache(maxsize=4096)
def cut_off(text: str, zone: ZoneInfo) -> LocalTime:
    """Read the cut-off, local to a flight's origin unless it has an offset; raise ProblemError when it is no time."""
    errors: list[FieldError] = []
    moment = read_time(text, "#/as_of", errors)
    local = None if moment is None else _on_the_clocks(moment, zone, text, "#/as_of", errors)
    if local is None:
        raise meaningless(errors)
    return local


def moments(flight: ResolvedFlight, as_of: str | None, now: datetime) -> Moments:
    """Say what is known of a flight at a cut-off, or now, or at the end of the day before if it is gone.

    `now` is in UTC; `as_of` is as the request gave it.
    """
    if as_of is not None:
        cut = cut_off(as_of, flight.zone)
        day, instant = cut.clock.date(), cut.instant
    elif now < flight.instant:
        day, instant = now.astimezone(flight.zone).date(), now
    else:
        return Moments(flight.day, (flight.instant - _midnight(flight.day, flight.zone)) // _MINUTE)
    return Moments(min(flight.day, (day - _EPOCH).days), (flight.instant - instant) // _MINUTE)


@lru_cache(maxsize=4096)
def _midnight(day: int, zone: ZoneInfo) -> datetime:
    """Give the moment at which a local day begins, in UTC."""
    return datetime.combine(_EPOCH + timedelta(days=day), time(), zone).astimezone(UTC)


def keys_of(flights: Sequence[ResolvedFlight]) -> Keys:
    """Take the keys of n flights, without a table."""
    return Keys(
        np.array([flight.day for flight in flights], np.int64),
        np.array([flight.minute for flight in flights], np.int64),
        *(category_of([getattr(flight, name) for flight in flights]) for name in NAMED),
        unknown=_unknown(flights) if any(flight.missing for flight in flights) else None,
    )


def _unknown(flights: Sequence[ResolvedFlight]) -> Unknown:
    return Unknown(
        *(np.array([name in flight.missing for flight in flights]) for name in UNKNOWABLE),
        month=np.array([flight.month for flight in flights], np.int64),
        international=np.array([flight.international for flight in flights]),
    )


def find_airport(
    code: str, pointer: str, errors: list[FieldError], unlisted: Mapping[str, str] = NOTHING
) -> Airport | None:
    """Look an airport up, in the list or among `unlisted`; None, and an entry in `errors`, where there is none."""
    airport = _listed(code)
    if airport is not None:
        return airport
    own = airports.capitals(code)
    if own in unlisted:
        return airports.unlisted_airport(own, unlisted[own])
    expected = "an airport by its IATA or ICAO code, such as SCL or SCEL"
    errors.append(FieldError(pointer, shown(code), expected))
    return None


# The codes of the contract are short; to look one up takes longer than all else about a flight's words.
_listed = lru_cache(maxsize=4_096)(airports.look_up)


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
    return _on_the_clocks(moment, ZoneInfo(origin.time_zone), text, pointer, errors)


def refuse_round_trip(
    origin: Airport | None, destination: Airport | None, pointer: str, errors: list[FieldError]
) -> None:
    """Add an entry to `errors` for a flight that goes to where it comes from."""
    if origin is not None and destination is not None and origin.code == destination.code:
        errors.append(FieldError(pointer, shown(destination.code), "another airport than the origin"))


def _on_the_clocks(
    moment: datetime, zone: ZoneInfo, text: str, pointer: str, errors: list[FieldError]
) -> LocalTime | None:
    local = local_time(moment, zone)
    if local is None:
        expected = f"a time that exists: the clocks of {zone.key} skip this one; give another, or an offset"
        errors.append(FieldError(pointer, shown(text), expected))
    return local
