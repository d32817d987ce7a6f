"""A flight that is asked about, once its words are understood, whatever words they were."""

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from puntual.sources.times import LocalTime

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class ResolvedFlight(msgspec.Struct, frozen=True, gc=False):
    """A flight with its airports looked up and its time local to the origin: day (since 1970) and minute.

    `scheduled_departure` is written as the clocks there show it and `instant` is the same in UTC. Of what is `missing`
    something else stands in its place, and `month` and `international` say what is known all the same, as
    `features.flight_keys.Unknown` does. Where `twice`, the clocks show this time twice and the first was taken.
    """

    airline: str
    flight_number: str
    origin: str
    destination: str
    scheduled_departure: str
    instant: datetime
    zone: ZoneInfo
    day: int
    minute: int
    twice: bool = False
    missing: tuple[str, ...] = ()
    month: int = 0
    international: float = float("nan")

    @classmethod
    def of(
        cls,
        airline: str,
        flight_number: str,
        origin: str,
        destination: str,
        departure: LocalTime,
        zone: ZoneInfo,
        missing: tuple[str, ...] = (),
        month: int = 0,
        international: float = float("nan"),
    ) -> "ResolvedFlight":
        """Put a flight together; `departure` is that on the clocks of its origin."""
        clock = departure.clock
        return cls(
            airline,
            flight_number,
            origin,
            destination,
            clock.isoformat(timespec="minutes"),
            departure.instant,
            zone,
            clock.toordinal() - EPOCH_ORDINAL,
            clock.hour * 60 + clock.minute,
            departure.twice,
            missing,
            month,
            international,
        )


class ResolvedRequest(NamedTuple):
    """A request whose flights were read from other words than the contract's."""

    flights: list[ResolvedFlight]
    as_of: str | None = None
    reasons: bool = False
