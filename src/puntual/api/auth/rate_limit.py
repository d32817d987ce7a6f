"""How much a caller may ask: a token bucket for each (Turner, 1986)."""

from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

_MOST_CALLERS = 10_000
BucketState = tuple[float, float]


class Buckets(Protocol):
    """Where buckets stand: the tokens of each caller, and the second at which they were counted."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Let nobody else change the bucket of a caller meanwhile."""

    def get(self, name: str) -> BucketState | None:
        """Give the bucket of a caller, if it has one."""

    def set(self, name: str, bucket: BucketState) -> None:
        """Keep the bucket of a caller."""


class LocalBuckets:
    """Buckets of one process; callers that were silent longest make room for others."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, BucketState] = OrderedDict()
        self._alone = nullcontext()

    def hold(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing: there is nobody else."""
        return self._alone

    def get(self, name: str) -> BucketState | None:
        """Give the bucket of a caller, if it has one."""
        return self._buckets.get(name)

    def set(self, name: str, bucket: BucketState) -> None:
        """Keep the bucket of a caller."""
        self._buckets[name] = bucket
        self._buckets.move_to_end(name)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)


class RateLimit:
    """Buckets that hold `burst` tokens at most and gain `rate` tokens a second.

    >>> limit = RateLimit(rate=1.0, burst=2)
    >>> [limit.take("tower", now) for now in (0.0, 0.0, 0.0, 1.0)]
    [0.0, 0.0, 1.0, 0.0]

    What costs more than a bucket holds takes a full one, and leaves it in debt.

    >>> [limit.take("gate", now, cost) for now, cost in ((0.0, 5), (1.0, 1), (4.0, 1))]
    [0.0, 3.0, 0.0]
    """

    def __init__(self, rate: float, burst: int, buckets: Buckets | None = None) -> None:
        self._rate, self._burst = rate, float(burst)
        self._buckets = LocalBuckets() if buckets is None else buckets

    def take(self, name: str, now: float, cost: float = 1.0, paid: float = 0.0) -> float:
        """Take tokens of a caller at a time in seconds: 0 when there were enough, else the seconds until there are.

        `paid` of them were taken before, and would have to be again.
        """
        with self._buckets.hold(name):
            tokens, since = self._buckets.get(name) or (self._burst, now)
            tokens = min(self._burst, tokens + max(0.0, now - since) * self._rate)
            missing = min(cost, self._burst) - paid - tokens
            self._buckets.set(name, (tokens if missing > 0 else tokens - cost + paid, now))
        return (missing + paid) / self._rate if missing > 0 else 0.0
