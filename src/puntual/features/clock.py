"""What the scheduled minute of the day says: its place on the daily cycle and its period."""

import math
from functools import lru_cache

from puntual.features.spec import Feature, Group, Known

_MEANINGS = (
    ("minute_sin", "sine of the scheduled minute on its daily cycle"),
    ("minute_cos", "cosine of the scheduled minute on its daily cycle"),
    ("hours_since_five", "hours since 05:00, when the day of operations begins"),
    ("morning", "1 from 05:00 to 11:59"),
    ("afternoon", "1 from 12:00 to 18:59"),
    ("night", "1 from 19:00 to 04:59"),
)
FEATURES = tuple(Feature(name, Group.TIME_OF_DAY, Known.TIMETABLE, meaning) for name, meaning in _MEANINGS)

MINUTES_A_DAY = 24 * 60
_MORNING, _AFTERNOON, _NIGHT = 5 * 60, 12 * 60, 19 * 60


@lru_cache(maxsize=MINUTES_A_DAY)
def of_minute(minute: int) -> tuple[float, ...]:
    """Give the features of one local minute of the day (0 to 1439), in `FEATURES` order.

    >>> of_minute(12 * 60)[2:]
    (7.0, 0.0, 1.0, 0.0)
    """
    angle = math.tau * minute / MINUTES_A_DAY
    morning = _MORNING <= minute < _AFTERNOON
    afternoon = _AFTERNOON <= minute < _NIGHT
    return (
        math.sin(angle),
        math.cos(angle),
        (minute - _MORNING) % MINUTES_A_DAY / 60,
        float(morning),
        float(afternoon),
        float(not morning and not afternoon),
    )
