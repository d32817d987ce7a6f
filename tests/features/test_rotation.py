"""Where the aircraft is."""

import math

import numpy as np
import pytest

from live_made import leg, seen, table_of


def back(clock: str, delay: int | None, tail: str, *, landed: int | None = None) -> dict[str, object]:
    """A flight from BOS to JFK."""
    return leg(clock, delay, tail, landed=landed, origin="BOS", destination="JFK")


DAY = table_of(
    leg("06:00", 0, "N1"),
    back("08:00", 20, "N1", landed=15),
    leg("10:00", 30, "N1"),
    leg("10:30", 0, "N2"),
    leg("11:00", 0),
)


def test_a_leg_that_is_overdue_counts_by_the_minutes_so_far():
    assert seen(DAY, "10:00", 110)["rotation_delay"] == 10
    assert seen(DAY, "10:00", 110)["rotation_gone"] == 0


def test_a_leg_that_has_left_counts_by_its_delay():
    known = seen(DAY, "10:00", 90)
    assert (known["rotation_delay"], known["rotation_gone"], known["rotation_gap"]) == (20, 1, 120)


def test_a_leg_that_has_landed_tells_when_and_how_late():
    assert math.isnan(seen(DAY, "10:00", 41)["rotation_landed"])
    known = seen(DAY, "10:00", 40)
    assert (known["rotation_landed"], known["rotation_arrival_delay"]) == (5, 15)


def test_the_leg_before_the_previous_one_is_seen_too():
    known = seen(DAY, "10:00", 150)
    assert (known["rotation_second_gap"], known["rotation_second_delay"]) == (120, 0)
    assert math.isnan(known["rotation_delay"])


@pytest.mark.parametrize("clock", ["10:30", "11:00"])
def test_without_a_tail_or_a_leg_before_nothing_is_known(clock: str):
    known = seen(DAY, clock, 30)
    assert all(math.isnan(value) for name, value in known.items() if name.startswith("rotation_"))


def test_a_cancelled_leg_is_known_as_such_and_brings_no_aircraft():
    flights = table_of(back("06:00", None, "N1"), leg("12:00", 0, "N1"))
    before, after = seen(flights, "12:00", 181), seen(flights, "12:00", 180)
    assert (before["rotation_cancelled"], after["rotation_cancelled"]) == (0, 1)
    assert (before["rotation_delay"], math.isnan(after["rotation_delay"])) == (179, True)


def test_slack_is_the_planned_gap_less_the_usual_turn_round():
    flown = [
        (back(f"{hour:02}:00", 0, tail, landed=0), leg(f"{hour + 2:02}:00", minutes, tail))
        for tail, hour, minutes in [(f"N{place}", 5 + place, 10) for place in range(9)]
    ]
    flights = table_of(
        *(each for pair in flown for each in pair), back("20:00", 30, "N99"), leg("22:00", 0, "N99")
    )
    known = seen(flights, "22:00", 60)
    # From one departure to the next usually 130 minutes, of which 120 are planned.
    assert known["rotation_slack"] == -10
    assert known["rotation_ready"] == -40


def test_the_order_of_the_rows_of_a_table_does_not_matter():
    shuffled = DAY[np.array([3, 1, 4, 0, 2])]
    first, second = seen(DAY, "10:00", 60), seen(shuffled, "10:00", 60)
    np.testing.assert_equal(first, second)
