"""What a feature says of itself: its name, its group, when it is known and what it means."""

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
    """One number of the vector."""

    name: str
    group: Group
    known: Known
    meaning: str


def on_grid(values: NDArray[np.float64], bits: int | NDArray[np.int64]) -> NDArray[np.float32]:
    """Round to multiples of 2**-bits, as float32; `bits` may differ along the last axis.

    A tree's threshold lies midway between two values. Midway between two numbers of a binary grid is a float32
    too, so the threshold is the same in the estimator's doubles and in ONNX's floats. What a coarse grid leaves
    out is noise, and would come to name the day.

    >>> on_grid(np.array([0.3, 1.0]), bits=3)
    array([0.25, 1.  ], dtype=float32)
    """
    scale = 2.0**bits
    return (np.rint(values * scale) / scale).astype(np.float32)
