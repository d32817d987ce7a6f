"""What a date says of a flight."""

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.features import calendar
from puntual.features.spec import Group, Known

NAMES = [feature.name for feature in calendar.FEATURES]
dates = st.dates(date(2000, 1, 1), date(2050, 12, 31))


def of(day: date, country: str = "US") -> dict[str, float]:
    return dict(zip(NAMES, calendar.of_date(day, country), strict=True))


def test_every_calendar_feature_is_known_with_the_timetable() -> None:
    kinds = {(feature.group, feature.known) for feature in calendar.FEATURES}
    assert kinds == {(Group.CALENDAR, Known.TIMETABLE)}


def test_january_and_monday_begin_their_cycles() -> None:
    monday = of(date(2024, 1, 1))
    assert (monday["month_sin"], monday["month_cos"]) == (0.0, 1.0)
    assert (monday["weekday_sin"], monday["weekday_cos"]) == (0.0, 1.0)


def test_december_lies_as_near_to_january_as_february() -> None:
    december, february = of(date(2023, 12, 4)), of(date(2023, 2, 6))
    assert december["month_cos"] == pytest.approx(february["month_cos"])
    assert december["month_sin"] == pytest.approx(-february["month_sin"])


def test_the_fourth_of_july_is_a_holiday_in_the_united_states_alone() -> None:
    assert of(date(2023, 7, 4))["holiday"] == 1.0
    assert of(date(2023, 7, 4), "CL")["holiday"] == 0.0


def test_days_are_counted_to_and_since_the_nearest_holidays() -> None:
    eve = of(date(2023, 7, 3))
    # Juneteenth was on Monday 19 June.
    assert (eve["days_to_holiday"], eve["days_since_holiday"]) == (1.0, 14.0)


def test_a_holiday_beyond_the_turn_of_the_year_is_seen() -> None:
    assert of(date(2023, 12, 31))["days_to_holiday"] == 1.0
    assert of(date(2024, 1, 2))["days_since_holiday"] == 1.0


def test_a_country_whose_holidays_nobody_lists_has_none_known_rather_than_zero() -> None:
    nowhere = of(date(2023, 7, 4), "XX")
    assert math.isnan(nowhere["days_to_holiday"]) and math.isnan(nowhere["days_since_holiday"])


@pytest.mark.parametrize(
    ("day", "high"),
    [
        (date(2017, 12, 14), False),
        (date(2017, 12, 15), True),
        (date(2017, 1, 1), True),
        (date(2017, 3, 3), True),
        (date(2017, 3, 4), False),
        (date(2017, 7, 14), False),
        (date(2017, 7, 15), True),
        (date(2017, 7, 31), True),
        (date(2017, 8, 1), False),
        (date(2017, 9, 10), False),
        (date(2017, 9, 11), True),
        (date(2017, 9, 30), True),
        (date(2017, 10, 1), False),
    ],
)
def test_the_high_season_begins_and_ends_as_the_analysts_of_santiago_say(day: date, high: bool) -> None:
    assert of(day, "CL")["high_season"] == float(high)


@given(dates)
def test_a_holiday_is_where_both_counts_are_zero_and_none_passes_thirty(day: date) -> None:
    features = of(day)
    assert (
        (features["holiday"] == 1.0)
        == (features["days_to_holiday"] == 0.0)
        == (features["days_since_holiday"] == 0.0)
    )
    assert 0 <= features["days_to_holiday"] <= 30 and 0 <= features["days_since_holiday"] <= 30


@given(dates)
def test_a_day_nearer_to_the_next_holiday_counts_one_less(day: date) -> None:
    today, tomorrow = of(day)["days_to_holiday"], of(day + timedelta(days=1))["days_to_holiday"]
    assert today == 0 or tomorrow == today - 1 or (today, tomorrow) == (30, 30)


@given(dates)
def test_a_week_later_the_weekday_is_the_same(day: date) -> None:
    for name in ("weekday_sin", "weekday_cos", "weekend"):
        assert of(day)[name] == of(day + timedelta(days=7))[name]
