"""From a flight as it was asked about to the keys of its features; each distinct one is worked out once."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from puntual.api.predict.contract import ScheduledFlight
from puntual.api.problems import FieldError, ProblemError, shown
from puntual.features.flight_keys import NAMED, UNKNOWABLE, Category, Keys, Unknown
from puntual.flights import airports
from puntual.flights.airports import Airport
from puntual.sources.times import parse_time

EARLIEST, LATEST = date(1990, 1, 1), date(2099, 12, 31)
_EPOCH = date(1970, 1, 1)


class Names(NamedTuple):
    """The words of one flight, as they were sent."""

    airline: str
    flight_number: str
    origin: str
    destination: str
    scheduled_departure: str


@dataclass(slots=True, eq=False)
class Resolved:
    """A flight with its airports found and its time local to the origin: day (since 1970) and minute.

    `text` is the departure as it is written down; `slots` tells where the vectors of this flight are kept, by the day
    before which operations are known. Of what is `missing` something else stands in its place, and `month` and
    `international` say what is known all the same, as `features.flight_keys.Unknown` does.
    """

    airline: str
    flight_number: str
    origin: str
    destination: str
    departure: datetime
    zone: ZoneInfo
    day: int
    minute: int
    text: str
    slots: dict[int, int] = field(default_factory=dict)
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
        departure: datetime,
        zone: ZoneInfo,
        missing: tuple[str, ...] = (),
        month: int = 0,
        international: float = float("nan"),
    ) -> "Resolved":
        """Put a flight together from what was found; `departure` is local to the origin."""
        return cls(
            sys.intern(airline),
            sys.intern(flight_number),
            origin,
            destination,
            departure,
            zone,
            (departure.date() - _EPOCH).days,
            departure.hour * 60 + departure.minute,
            # Most flights are asked about in these very words, which are then kept once.
            sys.intern(departure.isoformat(timespec="minutes")),
            missing=missing,
            month=month,
            international=international,
        )

    def told(self) -> tuple[str, str, str, str, str]:
        """Give what the journal keeps of it, in the order of `Names`: nothing in the place of what is missing."""
        told = (self.airline, self.flight_number, self.origin, self.destination, self.text)
        return Names(*told)._replace(**dict.fromkeys(self.missing, "")) if self.missing else told


class ResolvedRequest(NamedTuple):
    """A request whose flights were read from other words than the contract's."""

    flights: list[Resolved]
    as_of: str | None = None
    reasons: bool = False


class Moments(NamedTuple):
    """The cut-off of one flight: the day before which operations are known, and the minutes to the departure."""

    closed: int
    horizon: int


NOTHING: Mapping[str, str] = {}


def resolve(flight: ScheduledFlight, pointer: str, unlisted: Mapping[str, str] = NOTHING) -> Resolved:
    """Find the airports and read the time of a flight; raise ProblemError naming each field that means nothing.

    `unlisted` are airports that nobody lists and the model knows, with their time zones.
    """
    errors = [
        FieldError(f"{pointer}/{name}", shown(text), "letters and digits alone")
        for name, text in (("airline", flight.airline), ("flight_number", flight.flight_number))
        if not text.isalnum()
    ]
    origin = find_origin(flight.origin, f"{pointer}/origin", errors, unlisted)
    destination = find_airport(flight.destination, f"{pointer}/destination", errors, unlisted)
    departure = read_time(flight.scheduled_departure, f"{pointer}/scheduled_departure", errors)
    if errors or origin is None or destination is None or departure is None:
        raise meaningless(errors)
    zone = ZoneInfo(origin.time_zone)
    local = local_time(departure, zone)
    return Resolved.of(
        flight.airline.upper(), flight.flight_number, origin.code, destination.code, local, zone
    )


def local_time(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give what the clocks of a zone show; a moment without an offset is theirs already."""
    return (moment if moment.tzinfo is None else moment.astimezone(zone)).replace(tzinfo=None)


def meaningless(errors: list[FieldError]) -> ProblemError:
    """Refuse fields that are well formed but mean nothing, such as an airport that is none."""
    count = "1 field" if len(errors) == 1 else f"{len(errors)} fields"
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{count} cannot be used; see errors for each", errors
    )


@lru_cache(maxsize=4096)
def cut_off(text: str) -> datetime:
    """Read the cut-off; raise ProblemError when it is no time."""
    errors: list[FieldError] = []
    moment = read_time(text, "#/as_of", errors)
    if moment is None:
        raise meaningless(errors)
    return moment


def moments(flight: Resolved, as_of: datetime | None, now: datetime) -> Moments:
    """Say what is known of a flight at a cut-off, or now, or at the end of the day before if it is gone.

    `now` is in UTC; `as_of` is local to the flight's origin unless it carries an offset.
    """
    if as_of is None:
        local = now.astimezone(flight.zone).replace(tzinfo=None)
        if local >= flight.departure:
            return Moments(flight.day, flight.minute)
    elif as_of.tzinfo is None:
        local = as_of
    else:
        local = as_of.astimezone(flight.zone).replace(tzinfo=None)
    closed = min(flight.day, (local.date() - _EPOCH).days)
    return Moments(closed, (flight.departure - local) // timedelta(minutes=1))


def keys_of(flights: Sequence[Resolved]) -> Keys:
    """Take the keys of n flights, without a table."""
    return Keys(
        np.array([flight.day for flight in flights], np.int64),
        np.array([flight.minute for flight in flights], np.int64),
        *(_category([getattr(flight, name) for flight in flights]) for name in NAMED),
        unknown=_unknown(flights) if any(flight.missing for flight in flights) else None,
    )


def _unknown(flights: Sequence[Resolved]) -> Unknown:
    return Unknown(
        *(np.array([name in flight.missing for flight in flights]) for name in UNKNOWABLE),
        month=np.array([flight.month for flight in flights], np.int64),
        international=np.array([flight.international for flight in flights]),
    )


def _category(texts: list[str]) -> Category:
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return Category(tuple(places), np.array([places[text] for text in texts], np.intp))


def find_airport(
    code: str, pointer: str, errors: list[FieldError], unlisted: Mapping[str, str] = NOTHING
) -> Airport | None:
    """Look an airport up, in the list or among `unlisted`; None, and an entry in `errors`, where there is none."""
    airport = airports.look_up(code)
    if airport is not None:
        return airport
    own = code.strip().upper()
    if own in unlisted:
        return airports.unlisted_airport(own, unlisted[own])
    expected = "an airport by its IATA or ICAO code, such as SCL or SCEL"
    errors.append(FieldError(pointer, shown(code), expected))
    return None


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


def each_pointer(count: int) -> Iterator[str]:
    """Give the JSON pointers of the flights of a request."""
    return (f"#/flights/{row}" for row in range(count))
