"""Trees that learn beside an offset: what it says already they leave unsaid, and add to nothing else."""

import numpy as np
from lightgbm import LGBMClassifier

from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import softmax
from puntual.training.live_fit import fit_beside

CHANCE = np.random.default_rng(0)
FLIGHTS = 4_000
LEVEL = CHANCE.normal(size=FLIGHTS)
# A column that tells of the level, one that tells of the flight, and what happened by both.
FLIGHT = CHANCE.normal(size=FLIGHTS)
MATRIX = np.column_stack([LEVEL, FLIGHT]).astype(np.float32)
LATE = LEVEL + FLIGHT + CHANCE.logistic(size=FLIGHTS) > 1
BANDS = np.where(LATE, CHANCE.integers(1, BAND_COUNT, FLIGHTS), 0).astype(np.int8)


def trees() -> LGBMClassifier:
    return LGBMClassifier(
        n_estimators=60, deterministic=True, force_col_wise=True, random_state=0, verbose=-1
    )


def late_odds(bands: Matrix) -> np.ndarray:
    return np.log(bands[:, 1:].sum(axis=1) / bands[:, 0])


def test_beside_nothing_is_learnt_what_is_learnt_alone() -> None:
    alone = trees().fit(MATRIX, BANDS).predict_proba(MATRIX)
    beside = fit_beside(np.zeros(FLIGHTS), trees(), MATRIX, BANDS).predict_proba(MATRIX)
    np.testing.assert_array_equal(beside, alone)


def test_what_the_offset_says_is_not_said_again_by_a_column_that_tells_of_it() -> None:
    # So the odds hardly move with the column that tells of the level, and as before with the other.
    beside = late_odds(fit_beside(LEVEL, trees(), MATRIX, BANDS).predict_proba(MATRIX))
    alone = late_odds(trees().fit(MATRIX, BANDS).predict_proba(MATRIX))
    assert np.polyfit(LEVEL, alone, 1)[0] > 0.8
    assert abs(np.polyfit(LEVEL, beside, 1)[0]) < 0.2
    assert np.polyfit(FLIGHT, beside, 1)[0] > 0.8


def test_with_its_offset_it_expects_as_many_of_each_band_as_there_were() -> None:
    bands = fit_beside(LEVEL, trees(), MATRIX, BANDS).predict_proba(MATRIX)
    logits = np.log(bands)
    logits[:, 1:] += LEVEL[:, np.newaxis]
    shares = np.bincount(BANDS, minlength=BAND_COUNT) / FLIGHTS
    np.testing.assert_allclose(softmax(logits).mean(axis=0), shares, atol=0.005)


def test_a_band_whose_first_tree_is_one_leaf_begins_from_its_share_too() -> None:
    stump = LGBMClassifier(n_estimators=1, min_child_samples=FLIGHTS, verbose=-1)
    told = fit_beside(np.zeros(FLIGHTS), stump, MATRIX, BANDS).predict_proba(MATRIX)[0]
    np.testing.assert_allclose(told, np.bincount(BANDS) / FLIGHTS, atol=1e-6)
