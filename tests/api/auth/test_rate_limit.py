"""A caller is held to its rate, and to no one else's."""

from hypothesis import given
from hypothesis import strategies as st

from puntual.api.auth.rate_limit import RateLimit


@given(st.floats(0.1, 50), st.integers(1, 20))
def test_who_waits_as_long_as_told_is_let_in(rate: float, burst: int) -> None:
    limit, now = RateLimit(rate, burst), 0.0
    for _ in range(3 * burst):
        now += limit.take("tower", now) + 1e-9
        assert limit.take("tower", now) == 0 or limit.take("tower", now) <= 1 / rate


def test_callers_do_not_share() -> None:
    limit = RateLimit(rate=1, burst=1)
    assert [limit.take(name, 0.0) for name in ("tower", "gate", "tower")] == [0.0, 0.0, 1.0]


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    limit = RateLimit(rate=1, burst=1)
    assert [limit.take("tower", now) for now in (10.0, 0.0, 0.5)] == [0.0, 1.0, 0.5]


def test_callers_beyond_ten_thousand_displace_those_that_were_silent_longest() -> None:
    limit = RateLimit(rate=1, burst=1)
    for caller in range(10_001):
        limit.take(str(caller), 0.0)
    assert limit.take("10000", 0.0) == 1.0
    assert limit.take("0", 0.0) == 0.0
