"""The airline's own revised times, simulated: none of the tables that we know has them."""

import numpy as np
import pytest

from puntual.features.revised import FEATURES, revisions_of

NAMES = [feature.name.removeprefix("revised_") for feature in FEATURES]
SCHEDULED = 23_000_000
MINE, OTHER = 7, 9


def revised(minute: int, flight: int = MINE, *, later: int = 90) -> dict[str, float]:
    """What is known at a minute of flights that were revised two hours and half an hour before their schedule."""
    revisions = revisions_of(
        np.array([MINE, OTHER, MINE, OTHER], np.uint64),
        np.array([SCHEDULED] * 4),
        SCHEDULED - np.array([30, 200, 120, 10]),
        SCHEDULED + np.array([later, 15, 40, 5]),
    )
    values = revisions.features(np.array([flight], np.uint64), np.array([SCHEDULED]), np.array([minute]))
    return dict(zip(NAMES, values[0].tolist(), strict=True))


def test_before_the_first_revision_nothing_is_known():
    assert np.isnan([*revised(SCHEDULED - 121).values()]).all()


def test_the_latest_revision_tells_slip_age_and_how_often():
    assert revised(SCHEDULED - 100) == {"slip": 40, "ahead": 140, "age": 20, "count": 1, "moved": 40}
    assert revised(SCHEDULED - 30) == {"slip": 90, "ahead": 120, "age": 0, "count": 2, "moved": 90}


def test_times_moved_to_and_fro_add_up():
    assert revised(SCHEDULED - 5, OTHER)["moved"] == 15 + 10


@pytest.mark.parametrize("horizon", [31, 60, 120, 360])
def test_a_revision_after_the_cut_off_changes_nothing(horizon: int):
    np.testing.assert_equal(revised(SCHEDULED - horizon), revised(SCHEDULED - horizon, later=500))


def test_a_flight_without_revisions_has_none():
    assert np.isnan([*revised(SCHEDULED, 8).values()]).all()
