"""How long the parts of the bench of events take: in full, or just long enough to see that each works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventEffort:
    """Counts and seconds of the parts; the defaults are those that figures are quoted from.

    Of the same service beside events and without them one round differs by a tenth from the next.
    """

    rounds: int = 5
    batches: int = 40
    pairs: int = 8
    seconds: int = 3
    board_flights: int = 3_000
    days: int = 7
    flights_a_day: int = 1_000
    journal_rows: int = 1_000_000


FULL = EventEffort()
SHORT = EventEffort(
    rounds=1, batches=3, pairs=1, seconds=1, board_flights=100, days=3, flights_a_day=50, journal_rows=10_000
)
