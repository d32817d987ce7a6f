"""Past operations with the moment at which each became known, as numpy's arrays of real minutes (UTC, since 1970).

What a table of past flights does not say of when something became known is assumed late, never early.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Minutes = NDArray[np.int64]
# The minute of what has not happened, and may never.
NEVER = 1 << 26
# From the moment at which a flight leaves or lands to that at which a feed has it, where a table gives no other.
KNOWN_AFTER = 5
# From its schedule to the moment at which a cancellation is taken as known: airlines give word before.
CANCELLATION_KNOWN_AFTER = 3 * 60
# What an hour of a weather table observes is taken as known when the hour is over.
OBSERVATION_KNOWN_AFTER = 60
# Training counts a tail as known at every cut-off, the farthest of which is 18 hours before the schedule. Its event is
# known before that, and is still on a board when the leg after the next is looked at.
TAIL_KNOWN_BEFORE = 24 * 60


@dataclass(frozen=True, slots=True)
class Operations:
    """What happened to n flights, and when each part of it became known; `NEVER` where it did not. All of shape (n,).

    Minutes are real ones since 1970. `delay_seconds` is 0 where a flight did not leave, `late` counts the flights that
    left late by the source's rule. `tail` is the aircraft by its number, 0 and above, or -1 where it is not known.
    """

    scheduled: Minutes
    left: Minutes
    left_known: Minutes
    cancelled_known: Minutes
    scheduled_arrival: Minutes
    arrived: Minutes
    arrived_known: Minutes
    delay_seconds: NDArray[np.int64]
    late: NDArray[np.bool_]
    tail: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scheduled)

    @property
    def gone_known(self) -> Minutes:
        """When it was known that a flight had left or was cancelled."""
        return np.minimum(self.left_known, self.cancelled_known)

    def take(self, flights: NDArray[np.intp]) -> "Operations":
        """Keep the flights at these positions."""
        return Operations(*(getattr(self, field.name)[flights] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Observations:
    """Weather observed at airports: `airport` (n,) by name, `known` (n,) in real minutes, `values` (n, measures)."""

    airport: NDArray[np.str_]
    known: Minutes
    values: NDArray[np.float64]


MEASURES = (
    "temperature",
    "humidity",
    "wind_speed",
    "wind_gust",
    "precipitation",
    "pressure",
    "visibility",
)
