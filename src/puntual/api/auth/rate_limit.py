"""How often a caller may ask: a token bucket for each (Turner, 1986)."""

from collections import OrderedDict

_MOST_CALLERS = 10_000


class RateLimit:
    """Buckets that hold `burst` tokens at most and gain `rate` tokens a second.

    >>> limit = RateLimit(rate=1.0, burst=2)
    >>> [limit.take("tower", now) for now in (0.0, 0.0, 0.0, 1.0)]
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> float:
        """Take a token of a caller at a time in seconds: 0 when there was one, else the seconds until there is."""
        tokens, since = self._buckets.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - since) * self._rate)
        allowed = tokens >= 1.0
        self._buckets[name] = (tokens - 1.0 if allowed else tokens, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - tokens) / self._rate
