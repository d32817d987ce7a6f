"""Numbers as people read them; what is unknown is a dash."""

import math
from datetime import datetime, timedelta

from puntual.evaluation import Measure

UNKNOWN = "–"


def fixed(value: float | None, digits: int = 3) -> str:
    """Write a number with so many decimals.

    >>> fixed(0.70249), fixed(-0.00001, 4), fixed(None), fixed(float("nan"))
    ('0.702', '0.0000', '–', '–')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    # Rounding first, and adding 0, keeps a negative hair from being written as -0.000.
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """Write a difference with its sign; none at all has no sign.

    >>> signed(0.0512), signed(-0.0512), signed(0.0)
    ('+0.051', '−0.051', '0.000')
    """
    text = fixed(value, digits)
    if text == UNKNOWN or value is None or round(value, digits) == 0:
        return text
    return f"+{text}" if value > 0 else text


def horizon_title(minutes: int) -> str:
    """Name a cut-off by the time from it to the schedule; 0 is the close of the day before.

    >>> horizon_title(0), horizon_title(360), horizon_title(30)
    ('day before', '6 h', '30 min')
    """
    if not minutes:
        return "day before"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share as a percentage.

    >>> percent(0.2149), percent(None)
    ('21.5 %', '–')
    """
    text = fixed(None if share is None else 100 * share, digits)
    return text if text == UNKNOWN else f"{text} %"


def in_a_hundred(share: float) -> str:
    """Write a share as so many of a hundred.

    >>> in_a_hundred(0.377), in_a_hundred(0.004)
    ('38', 'fewer than 1')
    """
    return "fewer than 1" if 0 < share < 0.005 else f"{100 * share:.0f}"


def count(number: int) -> str:
    """Write a count with its thousands apart.

    >>> count(336776)
    '336,776'
    """
    return f"{number:,}"


def measured(measure: Measure | None, digits: int = 3) -> str:
    """Write a measure with its 95 % interval.

    >>> measured(Measure(0.702, 0.695, 0.709))
    '0.702 [0.695, 0.709]'
    """
    if measure is None:
        return UNKNOWN
    return f"{fixed(measure.value, digits)} {interval(measure, digits)}"


def interval(measure: Measure, digits: int = 3) -> str:
    """Write the 95 % interval of a measure."""
    return f"[{fixed(measure.low, digits)}, {fixed(measure.high, digits)}]"


def size(octets: int) -> str:
    """Write a size in kB or MB.

    >>> size(48_200), size(12_345_678)
    ('48 kB', '12.3 MB')
    """
    return f"{octets / 1e6:.1f} MB" if octets >= 1_000_000 else f"{octets / 1e3:.0f} kB"


def late_rule(rule: str) -> str:
    """Write the late rule of a source out.

    >>> late_rule(">15"), late_rule(">=15")
    ('more than 15 minutes', '15 minutes or more')
    """
    return {">15": "more than 15 minutes", ">=15": "15 minutes or more"}.get(rule, f"{rule} minutes")


def late_means(rule: str, target: str = "departure") -> str:
    """Say which flights count as late.

    >>> late_means(">=15", "arrival")
    'an arrival delay of 15 minutes or more, cancelled or diverted'
    """
    if target == "arrival":
        return f"an arrival delay of {late_rule(rule)}, cancelled or diverted"
    return f"a departure delay of {late_rule(rule)}, or cancelled"


def period(start: datetime, end: datetime) -> str:
    """Write a period from its first day to its last; `end` itself is no longer in it.

    >>> period(datetime(2013, 10, 1), datetime(2014, 1, 1))
    '2013-10-01 to 2013-12-31'
    """
    last = max(start, end - timedelta(microseconds=1))
    return f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"
