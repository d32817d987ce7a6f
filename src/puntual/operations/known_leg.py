"""What was known of one flight at a moment, and of several as the arrays that features are made of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from puntual.features.flight_keys import EPOCH
from puntual.flights import airports
from puntual.flights.flight import LateRule, band_of
from puntual.flights.operations import NEVER, Operations
from puntual.operations.board import FlightState
from puntual.sources.times import local_time

_EPOCH = EPOCH.replace(tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


class KnownLeg(NamedTuple):
    """What was known of one flight, as the arrays of `Operations` hold it, minutes being real ones since 1970."""

    scheduled: int
    left: int
    left_known: int
    cancelled_known: int
    scheduled_arrival: int
    arrived: int
    arrived_known: int
    delay_seconds: int
    origin: str
    destination: str
    tail: str | None


NOTHING = FlightState("scheduled", _EPOCH, "", _EPOCH)


def leg_of(departs: datetime, destination: str, origin: str, state: FlightState) -> KnownLeg:
    """Take what was known of a flight that is scheduled to leave at a moment in UTC."""
    scheduled, delay = minute_of(departs), 0
    left = NEVER
    if state.left_at is not None:
        delay = int((state.left_at - departs).total_seconds())
        # By the delay, as a table tells it.
        left = scheduled - (-delay // 60)
    return KnownLeg(
        scheduled,
        left,
        minute_of(state.left_known_at),
        minute_of(state.cancelled_known_at),
        _due(state.scheduled_arrival, destination),
        minute_of(state.arrived_at),
        minute_of(state.arrived_known_at),
        delay,
        origin,
        destination,
        state.tail,
    )


def minute_of(moment: datetime | None) -> int:
    """Give a moment in real minutes since 1970, rounded up; `NEVER` for none."""
    return NEVER if moment is None else -((_EPOCH - moment) // _MINUTE)


@lru_cache(maxsize=16_384)
def _due(scheduled_arrival: str | None, destination: str) -> int:
    zone = airports.zone_of(destination) if destination else ""
    if not scheduled_arrival or not zone:
        return NEVER
    local = local_time(datetime.fromisoformat(scheduled_arrival), ZoneInfo(zone))
    return minute_of(None if local is None else local.instant)


def operations_of(
    legs: Sequence[KnownLeg], rule: LateRule, aircraft: Sequence[int] | None = None
) -> Operations:
    """Lay n flights out as a table's operations are; `aircraft` are their tails by number, -1 for unknown, (n,)."""
    numbers = np.array([leg[:8] for leg in legs], np.int64).T
    scheduled, left, left_known, cancelled_known, due, arrived, arrived_known, delay = numbers
    late = (band_of(delay / 60, np.zeros(len(legs), bool), rule) > 0) & (left < NEVER)
    tail = np.array(aircraft or [-1] * len(legs), np.int64)
    return Operations(
        scheduled, left, left_known, cancelled_known, due, arrived, arrived_known, delay, late, tail
    )
