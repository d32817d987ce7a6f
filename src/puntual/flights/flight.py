"""What a flight is: its fields, their units, the delay bands and the late rule."""

import enum
from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

BANDS = ("up to 15", "15 to 30", "30 to 60", "60 to 120", "over 120 or cancelled")
# What the API, CSV and JSON call them.
BAND_KEYS = ("0-15", "15-30", "30-60", "60-120", "120+")
BAND_STARTS = (15.0, 30.0, 60.0, 120.0)
BAND_COUNT = len(BANDS)
# Days are counted from 1970; the end leaves room for delays, and for what other clocks hold.
EARLIEST, LATEST = datetime(1970, 1, 1), datetime(2099, 12, 31, 23, 59, 59)


# Of arrivals, which a diverted flight has none of.
ARRIVAL_BANDS = (*BANDS[:-1], "over 120, cancelled or diverted")


class Target(enum.StrEnum):
    """The delay that a model learns and predicts: that of departure, or of arrival at the destination."""

    DEPARTURE = "departure"
    ARRIVAL = "arrival"

    @property
    def bands(self) -> tuple[str, ...]:
        """The five bands of delay in words."""
        return BANDS if self is Target.DEPARTURE else ARRIVAL_BANDS


class LateRule(enum.StrEnum):
    """The delay in minutes from which a publisher calls a flight late."""

    MORE_THAN_15 = ">15"
    FROM_15 = ">=15"


@dataclass(frozen=True, slots=True)
class Flight:
    """One scheduled departure, and its operation once that is known.

    Airports are IATA or ICAO codes. Times are local wall-clock times without an offset: `scheduled_departure`
    and `departed` at the origin, `scheduled_arrival` at the destination.
    """

    airline: str
    flight_number: str
    origin: str
    destination: str
    scheduled_departure: datetime
    scheduled_arrival: datetime | None = None
    aircraft: str | None = None
    tail: str | None = None
    departed: datetime | None = None
    cancelled: bool | None = None


FLIGHT_FIELDS = tuple(field.name for field in fields(Flight))


def band_of(delay: NDArray[np.float64], cancelled: NDArray[np.bool_], rule: LateRule) -> NDArray[np.int8]:
    """Put each flight into its band, 0 to 4; a cancelled flight never left, so it falls in the last.

    A delay that starts a band belongs to it, but for the first, which the late rule decides.

    >>> delays = np.array([-3, 15, 29.5, 30, 120, np.nan])
    >>> cancelled = np.array([False, False, False, False, False, True])
    >>> band_of(delays, cancelled, LateRule.MORE_THAN_15)
    array([0, 0, 1, 2, 4, 4], dtype=int8)
    >>> band_of(delays, cancelled, LateRule.FROM_15)
    array([0, 1, 1, 2, 4, 4], dtype=int8)
    """
    bands = np.searchsorted(BAND_STARTS, delay, side="right")
    if rule is LateRule.MORE_THAN_15:
        bands = np.where(delay == BAND_STARTS[0], 0, bands)
    return np.where(cancelled, BAND_COUNT - 1, bands).astype(np.int8)
