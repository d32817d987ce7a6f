"""How late flights were lately."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flights_made import before, flights_of, make_flights
from puntual.features import history
from puntual.features.from_frame import keys_of, operations_of
from puntual.features.history import WINDOWS, build_history, closing
from puntual.flights.flight import LateRule

NAMES = [feature.name for feature in history.FEATURES]
RATE_STEP, DELAY_STEP = 2.0**-12, 2.0**-6
WEDNESDAY = datetime(2023, 1, 4, 8)


def operated(day: int, clock: str, delay: int | None, **fields: str) -> dict[str, object]:
    scheduled = datetime.fromisoformat(f"2023-01-{day:02}T{clock}")
    if delay is None:
        return {"scheduled_departure": scheduled, "cancelled": True} | fields
    return {"scheduled_departure": scheduled, "departed": scheduled + timedelta(minutes=delay)} | fields


PAST = flights_of(
    operated(2, "08:00", 20),
    operated(2, "09:00", 0, airline="B6", flight_number="7", destination="LAX"),
    operated(3, "08:00", 10),
    operated(3, "10:00", None, flight_number="2", destination="LAX"),
    operated(3, "09:00", 240, airline="B6", flight_number="7", origin="EWR", destination="LAX"),
)


def features_of(
    past: pl.DataFrame, *, rule: LateRule = LateRule.FROM_15, closed: int = 0, **fields: object
) -> dict[str, float]:
    """Ask about AA 1 from JFK to BOS on Wednesday, from what was known `closed` days before that day."""
    keys = keys_of(flights_of({"scheduled_departure": WEDNESDAY} | fields))
    features = build_history(operations_of(past, rule)).features(keys, keys.day - closed)
    return dict(zip(NAMES, features[0].tolist(), strict=True))


def test_rates_are_shrunk_towards_the_parent_as_counted_by_hand() -> None:
    features = features_of(PAST)
    network = 3 / 5
    airport = (2 + 10 * network) / (4 + 10)
    airline = (2 + 20 * airport) / (3 + 20)
    destination = (1 + 20 * airport) / (2 + 20)
    route = (1 + 20 * airline) / (2 + 20)
    flight = (1 + 10 * route) / (2 + 10)
    assert features["airport_late_rate_7d"] == pytest.approx(airport, abs=RATE_STEP)
    for level, rate in (
        ("airline", airline),
        ("destination", destination),
        ("route", route),
        ("flight", flight),
    ):
        assert features[f"{level}_late_rate_7d"] == pytest.approx(rate - airport, abs=RATE_STEP), level


def test_delays_are_capped_at_two_hours_and_leave_cancelled_flights_out() -> None:
    features = features_of(PAST)
    network = (20 + 0 + 10 + 120) / 4
    airport = (20 + 0 + 10 + 10 * network) / (3 + 10)
    airline = (20 + 10 + 20 * airport) / (2 + 20)
    assert features["airport_delay_7d"] == pytest.approx(airport, abs=DELAY_STEP)
    assert features["airline_delay_7d"] == pytest.approx(airline - airport, abs=DELAY_STEP)


def test_supports_count_flights_cancelled_ones_included() -> None:
    features = features_of(PAST)
    supports = {level: features[f"{level}_support_7d"] for level in ("airport", "airline", "destination")}
    assert supports == {"airport": 4.0, "airline": 3.0, "destination": 2.0}
    assert (features["route_support_7d"], features["flight_support_7d"]) == (2.0, 2.0)


def test_a_window_of_one_day_holds_yesterday_alone() -> None:
    features = features_of(PAST)
    assert features["airport_support_1d"] == 2.0
    assert features["airport_late_rate_1d"] == pytest.approx((1 + 10 * 2 / 3) / 12, abs=RATE_STEP)


def test_a_cancelled_flight_is_late_and_has_no_delay() -> None:
    features = features_of(flights_of(operated(3, "08:00", None)))
    assert features["airport_late_rate_1d"] == 1.0
    assert np.isnan(features["airport_delay_1d"])


@pytest.mark.parametrize(("rule", "rate"), [(LateRule.FROM_15, 1.0), (LateRule.MORE_THAN_15, 0.0)])
def test_fifteen_minutes_are_late_as_the_rule_says(rule: LateRule, rate: float) -> None:
    assert features_of(flights_of(operated(3, "08:00", 15)), rule=rule)["airport_late_rate_7d"] == rate


def test_a_flight_that_left_after_midnight_is_not_known_at_that_midnight() -> None:
    after = flights_of(operated(3, "23:30", 45), operated(3, "08:00", 0))
    before = flights_of(operated(3, "23:30", 15), operated(3, "08:00", 0))
    assert features_of(after)["airport_support_7d"] == 1.0
    assert features_of(before)["airport_support_7d"] == 2.0
    keys = keys_of(flights_of({"scheduled_departure": WEDNESDAY + timedelta(days=1)}))
    next_day = build_history(operations_of(after, LateRule.FROM_15)).features(keys, keys.day)[0]
    assert next_day[NAMES.index("airport_support_7d")] == 2.0


def test_an_unseen_airline_backs_off_to_the_airport_and_its_support_says_so() -> None:
    features = features_of(PAST, airline="ZZ")
    for level in ("airline", "route", "flight"):
        assert (features[f"{level}_support_60d"], features[f"{level}_late_rate_60d"]) == (0.0, 0.0)
        assert features[f"{level}_delay_60d"] == 0.0
    assert features["airport_support_60d"] == 4.0


def test_an_unseen_flight_number_backs_off_to_its_route() -> None:
    features, seen = features_of(PAST, flight_number="999"), features_of(PAST)
    assert features["flight_support_60d"] == 0.0
    assert features["flight_late_rate_60d"] == features["route_late_rate_60d"] == seen["route_late_rate_60d"]


def test_an_unseen_airport_backs_off_to_all_that_flies() -> None:
    features = features_of(PAST, origin="BOS", destination="JFK")
    assert (features["airport_support_60d"], features["airport_late_rate_60d"]) == (
        0.0,
        pytest.approx(3 / 5, abs=RATE_STEP),
    )


@pytest.mark.parametrize("closed", [60, 61, 400])
def test_a_history_closed_sixty_days_before_is_missing_not_stale(closed: int) -> None:
    past = make_flights(days=30, per_day=4)
    keys = keys_of(past[-4:])
    moved = keys_of(past[-4:].with_columns(pl.col("scheduled_departure") + timedelta(days=closed)))
    known = build_history(operations_of(past, LateRule.FROM_15))
    assert np.isnan(known.features(moved, moved.day - closed)).all()
    assert not np.isnan(known.features(keys, keys.day)).any()


def test_a_history_closed_days_before_leaves_the_short_windows_missing() -> None:
    past = make_flights(days=90, per_day=4)
    keys = keys_of(past[-4:])
    features = build_history(operations_of(past, LateRule.FROM_15)).features(keys, keys.day - 10)
    for window, missing in zip(WINDOWS, (True, True, False, False), strict=True):
        columns = [place for place, name in enumerate(NAMES) if name.endswith(f"_{window}d")]
        assert np.isnan(features[:, columns]).all() == missing, window


def test_a_day_on_which_nothing_flew_is_missing_whether_or_not_more_followed() -> None:
    """The bundle's history ends with its last operation; the training's goes on."""
    past = make_flights(days=40, per_day=4)
    gap = datetime(2023, 1, 2) + timedelta(days=30)
    quiet = past.filter(~pl.col("scheduled_departure").is_between(gap, gap + timedelta(days=2)))
    operations = operations_of(quiet, LateRule.FROM_15)
    keys = keys_of(past.filter(pl.col("scheduled_departure").dt.date() == gap.date()))
    whole = build_history(operations).features(keys, keys.day)
    closed = closing(before(operations, gap.date()))
    served = build_history(closed).features(keys, keys.day)
    np.testing.assert_array_equal(whole.view(np.uint32), served.view(np.uint32))


def test_a_day_after_one_without_any_flight_has_no_yesterday() -> None:
    past = make_flights(days=20, per_day=4)
    today = date(2023, 1, 2) + timedelta(days=15)
    scheduled = pl.col("scheduled_departure").dt.date()
    quiet = past.filter(scheduled != today - timedelta(days=1)).filter(
        pl.col("departed").dt.date() != today - timedelta(days=1)
    )
    keys = keys_of(past.filter(scheduled == today))
    features = build_history(operations_of(quiet, LateRule.FROM_15)).features(keys, keys.day)
    assert np.isnan(features[:, NAMES.index("airport_support_1d")]).all()
    assert (features[:, NAMES.index("airport_support_7d")] > 0).all()


@settings(max_examples=30)
@given(day=st.integers(1, 89), ahead=st.integers(0, 70))
def test_what_a_bundle_keeps_says_what_the_whole_past_does(day: int, ahead: int) -> None:
    operations = operations_of(make_flights(days=90, per_day=6), LateRule.FROM_15)
    end = date(2023, 1, 2) + timedelta(days=day)
    flights = make_flights(days=1, per_day=6).with_columns(
        pl.col("scheduled_departure") + timedelta(days=day + ahead)
    )
    keys = keys_of(flights)
    kept = closing(before(operations, end))
    whole = build_history(operations).features(keys, keys.day - ahead)
    served = build_history(kept).features(keys, keys.day)
    np.testing.assert_array_equal(whole.view(np.uint32), served.view(np.uint32))


def test_what_a_bundle_keeps_spans_sixty_days() -> None:
    kept = closing(operations_of(make_flights(days=90, per_day=4), LateRule.FROM_15))
    assert kept["day"].max() - kept["day"].min() == 59
    assert kept["flights"].sum() == pytest.approx(60 * 4, abs=4)


def test_a_history_of_nothing_is_missing_throughout() -> None:
    assert np.isnan(list(features_of(PAST.clear()).values())).all()
    assert not len(closing(operations_of(PAST.clear(), LateRule.FROM_15))["day"])


def test_a_flight_that_nobody_told_of_is_no_operation() -> None:
    silent = flights_of({"scheduled_departure": datetime(2023, 1, 3, 8), "cancelled": None})
    assert not len(operations_of(silent, LateRule.FROM_15)["day"])


@pytest.mark.parametrize("share", [0.02, 0.2, 0.9])
def test_supports_of_flights_that_fly_on_some_days_alone_are_those_counted_by_hand(share: float) -> None:
    chance = np.random.default_rng(0)
    flies = chance.random((3, 200)) < share
    flies[:, [0, 150]] = True
    flown = [
        {
            "scheduled_departure": WEDNESDAY + timedelta(days=int(day)),
            "departed": WEDNESDAY + timedelta(days=int(day)),
            "flight_number": str(number),
        }
        for number, day in np.argwhere(flies).tolist()
    ]
    past = flights_of(*flown)
    asked = flights_of(
        *(
            {"scheduled_departure": WEDNESDAY + timedelta(days=day), "flight_number": str(number)}
            for number in range(3)
            for day in range(0, 230, 3)
        )
    )
    keys = keys_of(asked)
    rows = build_history(operations_of(past, LateRule.FROM_15)).features(keys, keys.day)
    first = WEDNESDAY.toordinal() - date(1970, 1, 1).toordinal()
    for window in WINDOWS:
        supports = rows[:, NAMES.index(f"flight_support_{window}d")]
        for number, day, support in zip(
            keys.flight_number.named(slice(None)), (keys.day - first).tolist(), supports, strict=True
        ):
            flights = flies[int(number), max(day - window, 0) : day].sum()
            assert support == flights or (
                np.isnan(support) and not flies[:, max(day - window, 0) : day].any()
            )


def test_the_rest_of_the_network_counts_beside_an_airports_own_flights_of_the_same_day() -> None:
    first = WEDNESDAY.toordinal() - date(1970, 1, 1).toordinal()
    elsewhere = {
        "day": np.array([first - 2, first - 1, first - 1]),
        "flights": np.array([5, 10, 20]),
        "late": np.array([1, 10, 0]),
        "departed": np.array([5, 10, 20]),
        "delay_seconds": np.array([0, 36_000, 0]),
    }
    keys = keys_of(flights_of({"scheduled_departure": WEDNESDAY}))
    operations = operations_of(PAST.filter(pl.col("origin") == "JFK"), LateRule.FROM_15)
    together = build_history(operations, elsewhere=elsewhere).features(keys, keys.day)[0]
    features = dict(zip(NAMES, together.tolist(), strict=True))
    network = (2 + 11) / (4 + 35)
    assert features["airport_late_rate_7d"] == pytest.approx((2 + 10 * network) / (4 + 10), abs=RATE_STEP)
