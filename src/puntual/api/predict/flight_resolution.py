"""From a flight as a request names it to the keys of its features; each distinct one is worked out once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from puntual.api.predict.contract import ScheduledFlight
from puntual.api.predict.flight_reading import (
    EARLIEST,
    LATEST,
    NOTHING,
    find_airport,
    find_origin,
    listed,
    meaningless,
    place_on_clocks,
    read_departure,
    read_time,
    refuse_round_trip,
)
from puntual.api.problems import FieldError, shown
from puntual.features.flight_keys import NAMED, UNKNOWABLE, Keys, Unknown, category_of
from puntual.flights.flight_number import CLEAN, clean_flight_number
from puntual.sources.times import LocalTime, local_time, parse_time

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_CANONICAL = len("2017-10-03T23:30")
_MINUTE = timedelta(minutes=1)
_zone = lru_cache(maxsize=1_024)(ZoneInfo)


class ResolvedFlight(msgspec.Struct, frozen=True, gc=False):
    """A flight with its airports looked up and its time local to the origin: day (since 1970) and minute.

    `scheduled_departure` is written as the clocks there show it and `instant` is the same in UTC. Of what is `missing`
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
        written: str = "",
    ) -> "ResolvedFlight":
        """Put a flight together; `departure` is that on the clocks of its origin, `written` as a request gave it."""
        clock = departure.clock
        return cls(
            airline,
            flight_number,
            origin,
            destination,
            # Most requests write it in these very words, and to do it again takes a while.
            written if _is_canonical(written) else clock.isoformat(timespec="minutes"),
            departure.instant,
            zone,
            clock.toordinal() - _EPOCH_ORDINAL,
            clock.hour * 60 + clock.minute,
            departure.twice,
            missing,
            month,
            international,
        )


class ResolvedRequest(NamedTuple):
    """A request whose flights were read from other words than the contract's."""

    flights: list[ResolvedFlight]
    as_of: str | None = None
    reasons: bool = False


class Moments(msgspec.Struct, frozen=True, gc=False):
    """The cut-off of one flight: the day before which operations are known, and the real minutes to the departure.

    `shown` is what the clocks at its origin show then, to the minute.
    """

    closed: int
    horizon: int
    shown: str


def resolve(flight: ScheduledFlight, pointer: str, unlisted: Mapping[str, str] = NOTHING) -> ResolvedFlight:
    """Look up the airports and read the time of a flight; raise ProblemError naming each field that means nothing.

    `unlisted` are airports that nobody lists and the model knows, with their time zones.
    """
    origin, destination = listed(flight.origin), listed(flight.destination)
    moment = parse_time(flight.scheduled_departure)
    if origin is None or destination is None or moment is None or not has_codes(flight):
        return _resolve_or_refuse(flight, pointer, unlisted)
    zone = _zone(origin.time_zone)
    departure = local_time(moment, zone)
    if departure is None or origin is destination or not EARLIEST <= moment.date() <= LATEST:
        return _resolve_or_refuse(flight, pointer, unlisted)
    return _resolved(flight, origin.code, destination.code, departure, zone)


def has_codes(flight: ScheduledFlight) -> bool:
    """Tell whether what is given of airline and number is letters and digits, as the contract wants it."""
    airline, number = flight.airline, flight.flight_number
    return (airline is None or (airline.isalnum() and airline.isascii())) and (
        number is None or (number.isalnum() and number.isascii())
    )


def _resolve_or_refuse(flight: ScheduledFlight, pointer: str, unlisted: Mapping[str, str]) -> ResolvedFlight:
    """Resolve a flight to an airport that nobody lists, or name all that means nothing."""
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
    return _resolved(flight, origin.code, destination.code, departure, ZoneInfo(origin.time_zone))


def _resolved(
    flight: ScheduledFlight, origin: str, destination: str, departure: LocalTime, zone: ZoneInfo
) -> ResolvedFlight:
    airline, number = flight.airline, flight.flight_number
    missing: tuple[str, ...] = ()
    if number is not None and CLEAN.fullmatch(number) is None:
        number = clean_flight_number(number, airline)
    if airline is None or number is None:
        missing = tuple(name for name in ("airline", "flight_number") if getattr(flight, name) is None)
    return ResolvedFlight.of(
        (airline or "").upper(),
        number or "",
        origin,
        destination,
        departure,
        zone,
        missing,
        written=flight.scheduled_departure,
    )


@lru_cache(maxsize=4096)
def cut_off(text: str, zone: ZoneInfo) -> LocalTime:
    """Read the cut-off, local to a flight's origin unless it has an offset; raise ProblemError when it is no time."""
    errors: list[FieldError] = []
    moment = read_time(text, "#/as_of", errors)
    local = None if moment is None else place_on_clocks(moment, zone, text, "#/as_of", errors)
    if local is None:
        raise meaningless(errors)
    return local


def moments(flight: ResolvedFlight, as_of: str | None, now: datetime) -> Moments:
    """Say what is known of a flight at a cut-off, or now, or at the end of the day before if it is gone.

    `now` is in UTC; `as_of` is as the request gave it.
    """
    zone, departure = flight.zone, flight.instant
    if as_of is not None:
        cut = cut_off(as_of, zone)
        horizon = (departure - cut.instant) // _MINUTE
        # The cut-off of a whole minute is written as it was given, as long as its flight leaves at one.
        exact = departure.second == 0 == departure.microsecond and _is_canonical(as_of)
        text = as_of if exact else _clock_text(departure - horizon * _MINUTE, zone)
        return Moments(min(flight.day, cut.clock.toordinal() - _EPOCH_ORDINAL), horizon, text)
    if now < departure:
        horizon = (departure - now) // _MINUTE
        day = now.astimezone(zone).toordinal() - _EPOCH_ORDINAL
        return Moments(min(flight.day, day), horizon, _clock_text(departure - horizon * _MINUTE, zone))
    horizon = (departure - _midnight(flight.day, zone)) // _MINUTE
    return Moments(flight.day, horizon, _clock_text(departure - horizon * _MINUTE, zone))


# Flights of one moment have few cut-offs among them, to the minute.
@lru_cache(maxsize=4_096)
def _clock_text(instant: datetime, zone: ZoneInfo) -> str:
    """Write a moment in UTC as the clocks of a zone show it, to the minute."""
    return instant.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")


def _is_canonical(text: str) -> bool:
    """Tell whether a time that could be read is written as `isoformat` writes a local one, to the minute."""
    return len(text) == _CANONICAL and text[10] == "T" and text[13] == ":" and text[15].isdigit()


@lru_cache(maxsize=4_096)
def _midnight(day: int, zone: ZoneInfo) -> datetime:
    """Give the moment at which a local day begins, in UTC."""
    return datetime.combine(date.fromordinal(day + _EPOCH_ORDINAL), time(), zone).astimezone(UTC)


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
