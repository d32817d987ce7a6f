"""From a flight as a request names it to the keys of its features; each distinct one is worked out once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
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
from puntual.api.predict.resolved_flight import EPOCH_ORDINAL, ResolvedFlight
from puntual.api.problems import FieldError, ProblemError, shown
from puntual.features.flight_keys import UNKNOWABLE, Keys, Unknown, category_of
from puntual.flights.flight_number import clean_flight_number
from puntual.sources.times import LocalTime, parse_time

_DATE, _WHOLE, _DAY = len("2017-10-03T"), len("2017-10-03T23:30"), re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T")
_MINUTE = timedelta(minutes=1)
# Each minute of a day as it is written, and how long after midnight it is.
_MINUTES = {
    f"{minute // 60:02d}:{minute % 60:02d}{seconds}": minute
    for minute in range(24 * 60)
    for seconds in ("", ":00")
}
_SINCE_MIDNIGHT = [minute * _MINUTE for minute in range(24 * 60)]


class Moments(msgspec.Struct, frozen=True, gc=False):
    """The cut-off of one flight: the day before which operations are known, and the real minutes to the departure.

    `shown` is what the clocks at its origin show then, to the minute.
    """

    closed: int
    horizon: int
    shown: str


def resolve(
    flights: Iterable[ScheduledFlight], unlisted: Mapping[str, str] = NOTHING, first: int = 0
) -> list[ResolvedFlight]:
    """Look up the airports and read the times of flights; raise ProblemError naming each field that means nothing.

    `first` is the place of the first of them in the request; `unlisted` are airports that nobody lists and the model
    knows, with their time zones.
    """
    resolved: list[ResolvedFlight] = []
    errors: list[FieldError] = []
    # In one function, since to call others for each flight takes as long as all else.
    for row, flight in enumerate(flights, first):
        written, airline, number = flight.scheduled_departure, flight.airline, flight.flight_number or ""
        ends, minute = _ends(flight.origin, flight.destination), _MINUTES.get(written[_DATE:])
        even = None if ends is None or minute is None else _even_day(written[:_DATE], ends[2])
        if ends is None or minute is None or even is None or not has_codes(flight):
            try:
                resolved.append(_resolve_or_refuse(flight, f"#/flights/{row}", unlisted))
            except ProblemError as problem:
                errors += problem.details.errors
            continue
        (origin, destination, zone), (day, midnight) = ends, even
        resolved.append(
            ResolvedFlight(
                airline.upper() if airline else "",
                # Most are written so already, and are spared a call.
                number if number.isdigit() and number[0] != "0" else clean_flight_number(number, airline),
                origin,
                destination,
                written[:_WHOLE],
                midnight + _SINCE_MIDNIGHT[minute],
                zone,
                day,
                minute,
                False,
                () if airline and number else _not_given(flight),
            )
        )
    if errors:
        raise meaningless(errors)
    return resolved


# Of a request's flights many share their airports, and many their day.
@lru_cache(maxsize=4_096)
def _ends(origin: str, destination: str) -> tuple[str, str, ZoneInfo] | None:
    """Look up two airports by their codes, and the zone of the first; None for those that take a closer look."""
    first, second = listed(origin), listed(destination)
    return (
        None
        if first is None or second is None or first is second
        else (first.code, second.code, ZoneInfo(first.time_zone))
    )


def _on_even_day(written: str, zone: ZoneInfo) -> tuple[int, int, datetime] | None:
    """Read a local time written as `isoformat` writes it, to the minute: day (since 1970), minute, and moment in UTC.

    None for one that takes a closer look.
    """
    minute = _MINUTES.get(written[_DATE:])
    day = None if minute is None else _even_day(written[:_DATE], zone)
    return None if minute is None or day is None else (day[0], minute, day[1] + _SINCE_MIDNIGHT[minute])


@lru_cache(maxsize=4_096)
def _even_day(written: str, zone: ZoneInfo) -> tuple[int, datetime] | None:
    """Read a date with the T behind it: the day (since 1970), and when it begins in UTC.

    None for what is none that a flight may have, and for a day near which the clocks of a zone change.
    """
    day = None if _DAY.fullmatch(written) is None else parse_time(f"{written}00:00")
    if day is None or not EARLIEST <= day.date() <= LATEST:
        return None
    # No clocks change there and back within half a day.
    first, *others = (zone.utcoffset(day + timedelta(hours=hours)) for hours in (-6, 6, 18, 30))
    if first is None or any(other != first for other in others):
        return None
    return day.toordinal() - EPOCH_ORDINAL, day.replace(tzinfo=UTC) - first


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
    return ResolvedFlight.of(
        (flight.airline or "").upper(),
        clean_flight_number(flight.flight_number or "", flight.airline),
        origin,
        destination,
        departure,
        zone,
        _not_given(flight),
    )


def _not_given(flight: ScheduledFlight) -> tuple[str, ...]:
    return tuple(name for name in ("airline", "flight_number") if getattr(flight, name) is None)


@lru_cache(maxsize=4096)
def cut_off(text: str, zone: ZoneInfo) -> LocalTime:
    """Read the cut-off, local to a flight's origin unless it has an offset; raise ProblemError when it is no time."""
    errors: list[FieldError] = []
    moment = read_time(text, "#/as_of", errors)
    local = None if moment is None else place_on_clocks(moment, zone, text, "#/as_of", errors)
    if local is None:
        raise meaningless(errors)
    return local


def moments_of(flights: Sequence[ResolvedFlight], as_of: str | None, now: datetime) -> list[Moments]:
    """Say what is known of flights at a cut-off, or now, or at the end of the day before of those that are gone.

    `now` is in UTC; `as_of` is as the request gave it.
    """
    moments = []
    # The flights of a request share their cut-off, as far as they share their zone.
    cut_offs: dict[ZoneInfo, _CutOff] = {}
    for flight in flights:
        zone, departure = flight.zone, flight.instant
        if as_of is None and departure <= now:
            cut = _midnight(flight.day, zone)
        elif (shared := cut_offs.get(zone)) is not None:
            cut = shared
        else:
            cut = _cut_off_at(now, zone) if as_of is None else _cut_off_given(as_of, zone)
            cut_offs[zone] = cut
        day, ahead, shown = flight.day, departure - cut.instant, cut.shown
        # Whole minutes, downward as by `//`, which takes twice as long.
        horizon = ahead.days * 1_440 + ahead.seconds // 60
        if departure.second or departure.microsecond:
            shown = _clock_text(departure - horizon * _MINUTE, zone)
        moments.append(Moments(day if day < cut.day else cut.day, horizon, shown))
    return moments


class _CutOff(msgspec.Struct, frozen=True, gc=False):
    """A moment in UTC, its day (since 1970) at an origin, and the next whole minute as the clocks show it there."""

    instant: datetime
    day: int
    shown: str


def _cut_off_given(as_of: str, zone: ZoneInfo) -> _CutOff:
    quick = _on_even_day(as_of, zone)
    if quick is None:
        return _cut_off_at(cut_off(as_of, zone).instant, zone)
    day, _, instant = quick
    return _CutOff(instant, day, as_of[:_WHOLE])


@lru_cache(maxsize=1_024)
def _cut_off_at(instant: datetime, zone: ZoneInfo) -> _CutOff:
    whole = instant.replace(second=0, microsecond=0)
    shown = _clock_text(whole if whole == instant else whole + _MINUTE, zone)
    return _CutOff(instant, instant.astimezone(zone).toordinal() - EPOCH_ORDINAL, shown)


@lru_cache(maxsize=4_096)
def _midnight(day: int, zone: ZoneInfo) -> _CutOff:
    """Give the moment at which a local day begins."""
    begin = datetime.combine(date.fromordinal(day + EPOCH_ORDINAL), time(), zone).astimezone(UTC)
    return _CutOff(begin, day, _clock_text(begin, zone))


def _clock_text(instant: datetime, zone: ZoneInfo) -> str:
    """Write a moment in UTC as the clocks of a zone show it, to the minute."""
    return instant.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")


def keys_of(flights: Sequence[ResolvedFlight]) -> Keys:
    """Take the keys of n flights, without a table."""
    count = len(flights)
    # Field by field: to look one up by its name takes four times as long.
    return Keys(
        np.fromiter([flight.day for flight in flights], np.int64, count),
        np.fromiter([flight.minute for flight in flights], np.int64, count),
        category_of([flight.origin for flight in flights]),
        category_of([flight.airline for flight in flights]),
        category_of([flight.destination for flight in flights]),
        category_of([flight.flight_number for flight in flights]),
        unknown=_unknown(flights) if any(flight.missing for flight in flights) else None,
    )


def _unknown(flights: Sequence[ResolvedFlight]) -> Unknown:
    return Unknown(
        *(np.array([name in flight.missing for flight in flights]) for name in UNKNOWABLE),
        month=np.array([flight.month for flight in flights], np.int64),
        international=np.array([flight.international for flight in flights]),
    )
