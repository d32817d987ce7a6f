"""What a feature says of itself: its name, its group, when it is known and what it means."""

import enum
from dataclasses import dataclass


class Group(enum.StrEnum):
    """The six groups over which reasons are shared out."""

    CALENDAR = "calendar"
    AIRLINE = "airline"
    ROUTE = "route"
    TIME_OF_DAY = "time of day"
    CONGESTION = "congestion"
    HISTORY = "history"


class Known(enum.IntEnum):
    """When a feature is known, earliest first."""

    TIMETABLE = 0
    HISTORY = 1
    LIVE = 2
    OUTCOME = 3


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the vector, rounded to a multiple of 2**-`bits`."""

    name: str
    group: Group
    known: Known
    meaning: str
    bits: int = 8
