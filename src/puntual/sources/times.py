"""The one reader of times in small tables and requests: ISO 8601, and what the clocks of a zone make of it."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_BETWEEN, _HOUR = slice(10, 11), slice(11, 13)
_SHORT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?", re.ASCII
)


def parse_time(text: str) -> datetime | None:
    """Read a date with a time of day, with an offset or without; None for what is no time.

    A date alone is none, since an unknown time is not midnight, and neither is 24:00.

    >>> parse_time("2017-1-3 9:05"), parse_time("2017-10-03"), parse_time("2017-02-30T10:00")
    (datetime.datetime(2017, 1, 3, 9, 5), None, None)
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _parse_short(text)
    return moment if text[_BETWEEN] in ("T", " ", "t") and text[_HOUR] != "24" else None


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
    at = moment.replace(tzinfo=zone, fold=0)
    first, second = (at.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    # Of a time that is skipped the clocks' earlier offset comes first, of one shown twice the later (PEP 495).
    if first < second:
        return None
    return LocalTime(moment, (moment - first).replace(tzinfo=UTC), first > second)


def _parse_short(text: str) -> datetime | None:
    """Read a time whose numbers lack their leading zeros."""
    match = _SHORT.fullmatch(text)
    if match is None:
        return None
    *parts, fraction = match.groups(default="0")
    year, month, day, hour, minute, second = map(int, parts)
    try:
        return datetime(year, month, day, hour, minute, second, int(fraction[:6].ljust(6, "0")))
    except ValueError:
        return None
