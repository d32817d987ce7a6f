"""What the scheduled minute says of a flight."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.features import clock

NAMES = [feature.name for feature in clock.FEATURES]
minutes = st.integers(0, 1439)


def of(minute: int) -> dict[str, float]:
    return dict(zip(NAMES, clock.of_minute(minute), strict=True))


@pytest.mark.parametrize(
    ("hour", "minute", "period"),
    [
        (4, 59, "night"),
        (5, 0, "morning"),
        (11, 59, "morning"),
        (12, 0, "afternoon"),
        (18, 59, "afternoon"),
        (19, 0, "night"),
        (23, 59, "night"),
        (0, 0, "night"),
    ],
)
def test_a_period_of_the_day_begins_and_ends_on_the_minute(hour: int, minute: int, period: str) -> None:
    features = of(60 * hour + minute)
    assert [name for name in ("morning", "afternoon", "night") if features[name]] == [period]


def test_the_day_of_operations_begins_at_five_and_ends_after_midnight() -> None:
    assert [of(60 * hour)["hours_since_five"] for hour in (5, 17, 0, 4)] == [0.0, 12.0, 19.0, 23.0]


def test_noon_is_opposite_midnight() -> None:
    assert of(0)["minute_cos"] == 1.0
    assert of(720)["minute_cos"] == -1.0


@given(minutes)
def test_every_minute_falls_in_one_period(minute: int) -> None:
    features = of(minute)
    assert features["morning"] + features["afternoon"] + features["night"] == 1.0


@given(minutes)
def test_the_cycle_lies_on_the_circle_and_tells_every_minute_apart(minute: int) -> None:
    features, next_features = of(minute), of((minute + 1) % 1440)
    assert math.hypot(features["minute_sin"], features["minute_cos"]) == pytest.approx(1.0)
    step = math.dist(
        (features["minute_sin"], features["minute_cos"]),
        (next_features["minute_sin"], next_features["minute_cos"]),
    )
    assert step == pytest.approx(2 * math.sin(math.pi / 1440))
