"""How long the parts of the serving bench take: in full, or just long enough to see that each works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Counts and seconds of the parts; the defaults are those that figures are quoted from.

    Two of the same service differ by a tenth from round to round, so their difference takes many `pairs`.
    """

    rounds: int = 5
    seconds: int = 3
    pairs: int = 12
    pair_seconds: int = 2
    soak_requests: int = 1_000_000
    soak_steps: int = 10
    bar_requests: int = 50_000
    bars: int = 2
    rival_flights: int = 100_000


FULL = Effort()
SHORT = Effort(1, 1, 2, 1, 20_000, 2, 5_000, 1, 5_000)
