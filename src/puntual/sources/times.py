"""The one reader of times in small tables and requests: ISO 8601, as people and programs write it."""

import re
from datetime import datetime

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
