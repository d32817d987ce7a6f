"""What a feature says of itself: its name, its group, when it is known and what it means."""

import enum
from dataclasses import dataclass


class Group(enum.StrEnum):
    """The groups over which reasons are shared out; the last five only of what is known as the day unfolds."""

    CALENDAR = "calendar"
    AIRLINE = "airline"
    ROUTE = "route"
    TIME_OF_DAY = "time of day"
    CONGESTION = "congestion"
    HISTORY = "history"
    AIRPORT_NOW = "airport now"
    AIRLINE_NOW = "airline now"
    PREVIOUS_LEG = "aircraft's previous leg"
    WEATHER = "weather"
    REVISED = "revised time"


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
