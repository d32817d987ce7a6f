"""How dates with a time of day are written: ISO 8601 as people and programs write it, one definition for all readers.

The reader of small tables and requests parses text by text; that of large tables hands the same forms to Polars.
Requests are placed on the clocks of a zone, too.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

_DAY, _CLOCK = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "(?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]"
_SECONDS = r":[0-5]?[0-9](?:\.[0-9]{1,9})?"
# What is accepted, by the format that reads it: leading zeros may be missing, seconds and their fraction too.
FORMS = {
    "%Y-%m-%d %H:%M:%S%.f": f"{_DAY} {_CLOCK}{_SECONDS}",
    "%Y-%m-%dT%H:%M:%S%.f": f"{_DAY}T{_CLOCK}{_SECONDS}",
    "%Y-%m-%d %H:%M": f"{_DAY} {_CLOCK}",
    "%Y-%m-%dT%H:%M": f"{_DAY}T{_CLOCK}",
    "%Y%m%dT%H%M%S": "[0-9]{8}T(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]",
    "%Y%m%dT%H%M": "[0-9]{8}T(?:[01][0-9]|2[0-3])[0-5][0-9]",
}
# Any of them and nothing else, in words that regular expressions of Python and of Polars share.
LOCAL = f"(?:{'|'.join(FORMS.values())})"
_OFFSET = "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_TIME = re.compile(f"{LOCAL}{_OFFSET}?")
_EPOCH, _DAY_MINUTES = datetime(1970, 1, 1), 24 * 60
_AROUND = timedelta(hours=6)
_WITHOUT_ZERO = re.compile(r"(?<![0-9.])([0-9])(?![0-9])")


def parse_time(text: str) -> datetime | None:
    """Read a date with a time of day, with an offset or without; None for what is no time.

    A date alone is none, since an unknown time is not midnight, and neither is 24:00.

    >>> parse_time("2017-1-3 9:05"), parse_time("2017-10-03"), parse_time("2017-02-30T10:00")
    (datetime.datetime(2017, 1, 3, 9, 5), None, None)
    """
    if _TIME.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _parse_padded(_WITHOUT_ZERO.sub(r"0\1", text))


class LocalTime(NamedTuple):
    """What the clocks of a zone show, when that is in UTC, and whether the same is shown twice."""

    clock: datetime
    instant: datetime
    twice: bool = False


def local_time(moment: datetime, zone: ZoneInfo) -> LocalTime | None:
    """Place a moment on the clocks of a zone; None for one that they skip.

    Without an offset it is what the clocks show, the first time where they show it twice; with one it is exact.

    >>> santiago = ZoneInfo("America/Santiago")
    >>> local_time(datetime(2017, 8, 13, 0, 30), santiago) is None
    True
    >>> local_time(datetime(2017, 5, 13, 23, 30), santiago).twice
    True
    """
    if moment.tzinfo is not None:
        return LocalTime(moment.astimezone(zone).replace(tzinfo=None), moment.astimezone(UTC))
    offset = zone.utcoffset(moment)
    if offset is not None and zone.utcoffset(moment - _AROUND) == offset == zone.utcoffset(moment + _AROUND):
        # Far from any change, as no clocks change there and back within half a day. Almost every time is.
        instant = moment - offset
        return LocalTime(moment, datetime.combine(instant.date(), instant.time(), UTC))
    at = moment.replace(tzinfo=zone, fold=0)
    first, second = (at.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    # Of a time that is skipped the clocks' earlier offset comes first, of one shown twice the later (PEP 495).
    if first < second:
        return None
    return LocalTime(moment, (moment - first).replace(tzinfo=UTC), first > second)


class ShownTimes(NamedTuple):
    """Which of n local times the clocks skip, and which they show twice; each of shape (n,)."""

    skipped: NDArray[np.bool_]
    twice: NDArray[np.bool_]


def shown_times(minutes: NDArray[np.int64], zone: ZoneInfo) -> ShownTimes:
    """Look n local times up on the clocks of a zone; `minutes` (n,) are since 1970 began on those clocks.

    >>> night = np.array([datetime(2017, 8, 13, hour, 30) for hour in (0, 1)], "datetime64[m]").astype(int)
    >>> shown_times(night, ZoneInfo("America/Santiago")).skipped
    array([ True, False])
    """
    skipped, twice = np.zeros(len(minutes), bool), np.zeros(len(minutes), bool)
    days, of_day = np.unique(minutes // _DAY_MINUTES, return_inverse=True)
    # Few days of a year have such times, so that most are not looked up one by one.
    changing = np.array([_changes(day, zone) for day in days.tolist()], bool)
    for place in np.flatnonzero(changing[of_day]).tolist():
        shown = local_time(_EPOCH + timedelta(minutes=int(minutes[place])), zone)
        skipped[place], twice[place] = shown is None, shown is not None and shown.twice
    return ShownTimes(skipped, twice)


def _changes(day: int, zone: ZoneInfo) -> bool:
    """Tell whether the clocks of a zone change on a day, or at the midnight that begins or ends it."""
    begin = _EPOCH + timedelta(days=day)
    ends = begin.replace(tzinfo=zone), (begin + timedelta(days=1)).replace(tzinfo=zone, fold=1)
    return ends[0].utcoffset() != ends[1].utcoffset()


def _parse_padded(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
