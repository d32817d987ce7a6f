"""What the date says: month and weekday as cycles, public holidays, high season."""

import bisect
import math
from datetime import date, timedelta
from functools import lru_cache

import holidays

from puntual.features.spec import Feature, Group, Known

_DAYS = (
    ("month_sin", "sine of the month on its yearly cycle"),
    ("month_cos", "cosine of the month on its yearly cycle"),
    ("weekday_sin", "sine of the weekday on its weekly cycle"),
    ("weekday_cos", "cosine of the weekday on its weekly cycle"),
    ("weekend", "1 on Saturday and Sunday"),
    ("holiday", "1 on a public holiday of the origin's country"),
    ("days_to_holiday", "days to the next public holiday, at most 30"),
    ("days_since_holiday", "days since the last public holiday, at most 30"),
    ("high_season", "1 in the high season: 15 Dec to 3 Mar, 15 to 31 Jul, 11 to 30 Sep"),
)
FEATURES = tuple(Feature(name, Group.CALENDAR, Known.TIMETABLE, meaning) for name, meaning in _DAYS)

# Beyond a month a holiday moves nobody's journey, and a longer count would come to name the day.
_FARTHEST_HOLIDAY = 30
# First and last day, as (month, day), both included; the first season spans the turn of the year.
_HIGH_SEASONS = (((12, 15), (12, 31)), ((1, 1), (3, 3)), ((7, 15), (7, 31)), ((9, 11), (9, 30)))


# Over a century, in every country, there are ten million.
@lru_cache(maxsize=16_384)
def of_date(day: date, country: str | None) -> tuple[float, ...]:
    """Give the calendar features of one date in one country (ISO 3166 alpha-2), in `FEATURES` order.

    What tells of holidays is NaN where the country is not known.

    >>> of_date(date(2017, 9, 18), "CL")[4:]
    (0.0, 1.0, 0.0, 0.0, 1.0)
    >>> of_date(date(2017, 9, 16), "CL")[4:]
    (1.0, 0.0, 2.0, 30.0, 1.0)
    """
    weekday = math.tau * day.weekday() / 7
    since, until = _days_to_holidays(day, country)
    return (
        *of_month(day.month),
        math.sin(weekday),
        math.cos(weekday),
        float(day.weekday() >= 5),
        math.nan if country is None else float(until == 0),
        until,
        since,
        float(is_high_season(day)),
    )


def of_month(month: int) -> tuple[float, float]:
    """Give the two features that the month alone, 1 to 12, decides: the first two of `FEATURES`."""
    angle = math.tau * (month - 1) / 12
    return math.sin(angle), math.cos(angle)


def is_high_season(day: date) -> bool:
    """Tell whether the analysts of Santiago's airport count this day as high season.

    >>> is_high_season(date(2017, 3, 3)), is_high_season(date(2017, 3, 4))
    (True, False)
    """
    return any(first <= (day.month, day.day) <= last for first, last in _HIGH_SEASONS)


def _days_to_holidays(day: date, country: str | None) -> tuple[float, float]:
    known = [] if country is None else _holidays(country, day.year)
    if not known:
        return math.nan, math.nan
    after = bisect.bisect_left(known, day)
    until = (known[after] - day).days if after < len(known) else _FARTHEST_HOLIDAY
    last = bisect.bisect_right(known, day) - 1
    since = (day - known[last]).days if last >= 0 else _FARTHEST_HOLIDAY
    return float(min(since, _FARTHEST_HOLIDAY)), float(min(until, _FARTHEST_HOLIDAY))


@lru_cache(maxsize=1_024)
def _holidays(country: str, year: int) -> list[date]:
    try:
        public = holidays.country_holidays(country, years=(year - 1, year, year + 1))
    except NotImplementedError:
        return []
    nearby = timedelta(days=_FARTHEST_HOLIDAY + 1)
    return sorted(day for day in public if date(year, 1, 1) - nearby <= day <= date(year, 12, 31) + nearby)
