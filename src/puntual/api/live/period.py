"""The period that a board is asked about, as its parameters say it on the clocks of the airport."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import NamedTuple
from zoneinfo import ZoneInfo

from puntual.api.predict.flight_reading import EARLIEST, LATEST, find_origin, read_time
from puntual.api.problems import FieldError, ProblemError, shown
from puntual.sources.times import LocalTime, local_time

LONGEST = timedelta(days=7)
BEFORE, _DAY = timedelta(hours=6), timedelta(days=1)


class Period(NamedTuple):
    """A period at an airport, on its own clocks, and the moment of knowledge in UTC."""

    airport: str
    zone: ZoneInfo
    start: datetime
    end: datetime
    moment: datetime


def read_period(airport: str, start: str, end: str, as_of: str, unlisted: Mapping[str, str]) -> Period:
    """Read the parameters; a date alone is that whole day. Raise ProblemError naming those that mean nothing."""
    errors: list[FieldError] = []
    place = find_origin(airport, "airport", errors, unlisted)
    if place is None:
        raise _meaningless(errors)
    zone = ZoneInfo(place.time_zone)
    moment = _moment(as_of, "as_of", zone, errors) if as_of else _now(zone)
    begin = _bound(start, "from", zone, errors, timedelta())
    until = _bound(end, "to", zone, errors, _DAY)
    if errors:
        raise _meaningless(errors)
    begin, until = _completed(begin, until, moment.clock)
    if not begin < until <= begin + LONGEST:
        expected = f"a time after `from`, at most {LONGEST.days} days"
        raise _meaningless([FieldError("to", until.isoformat(timespec="minutes"), expected)])
    return Period(place.code, zone, begin, until, moment.instant)


def period_around(airport: str, before: timedelta, ahead: timedelta, unlisted: Mapping[str, str]) -> Period:
    """Give the period from so long ago until so long ahead; raise ProblemError for an airport that is none."""
    now = read_period(airport, "", "", "", unlisted)
    clock = now.moment.astimezone(now.zone).replace(tzinfo=None)
    return now._replace(start=clock - before, end=clock + ahead)


def _now(zone: ZoneInfo) -> LocalTime:
    now = datetime.now(UTC)
    return LocalTime(now.astimezone(zone).replace(tzinfo=None), now)


def _moment(text: str, field: str, zone: ZoneInfo, errors: list[FieldError]) -> LocalTime:
    moment = read_time(text, field, errors)
    local = None if moment is None else local_time(moment, zone)
    if moment is not None and local is None:
        errors.append(FieldError(field, text, f"a time that exists: the clocks of {zone.key} skip this one"))
    return local or _now(zone)


def _bound(
    text: str, field: str, zone: ZoneInfo, errors: list[FieldError], whole_day: timedelta
) -> datetime | None:
    """Read a bound on the clocks of a zone, None for none; a date alone is its midnight, moved by `whole_day`."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _moment(text, field, zone, errors).clock
    if not EARLIEST <= day <= LATEST:
        errors.append(FieldError(field, shown(text), f"a day from {EARLIEST} to {LATEST}"))
        return None
    return datetime.combine(day, time()) + whole_day


def _completed(begin: datetime | None, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Put a day in the place of a bound that is not given."""
    if begin is None and until is None:
        return now - BEFORE, now - BEFORE + _DAY
    if begin is None:
        begin = (until or now) - _DAY
    return begin, until or begin + _DAY


def _meaningless(errors: list[FieldError]) -> ProblemError:
    detail = "; ".join(f"{error.pointer} is {error.value}: expected {error.expected}" for error in errors)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)
