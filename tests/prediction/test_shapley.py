"""Reasons share out P(late) over six groups, exactly."""

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from puntual.features.vector import COLUMNS, GROUPS, Matrix, columns_of
from puntual.prediction.predictor import Predictor
from puntual.prediction.shapley import COALITIONS, shapley

PLACES = [columns_of(group) for group in GROUPS]
rows = st.integers(0, 10_000)


def vectors(seed: int, count: int = 3) -> Matrix:
    drawn = np.random.default_rng(seed).normal(size=(count, len(COLUMNS))).astype(np.float32)
    drawn[np.random.default_rng(seed + 1).random(drawn.shape) < 0.1] = np.nan
    return drawn


def tangled(matrix: Matrix) -> np.ndarray:
    """A P(late) in which every group acts with every other."""
    sums = np.column_stack([np.nansum(matrix[:, place].astype(float), axis=1) for place in PLACES])
    pairs = sums @ np.triu(np.arange(36).reshape(6, 6) % 5 - 2.0, 1)
    return 1 / (1 + np.exp(-(sums.sum(axis=1) + (sums * pairs).sum(axis=1)) / 20))


@settings(max_examples=40, deadline=None)
@given(rows)
def test_reasons_sum_to_the_difference_from_the_reference(seed: int) -> None:
    matrix, reference = vectors(seed), vectors(seed + 7)[0]
    shares = shapley(matrix, reference, tangled)
    difference = tangled(matrix) - tangled(reference[np.newaxis])
    assert shares.shape == (3, 6)
    np.testing.assert_allclose(shares.sum(axis=1), difference, atol=1e-9)


@settings(max_examples=5, deadline=None)
@given(rows)
def test_each_reason_is_the_mean_of_its_effect_over_every_order_of_the_groups(seed: int) -> None:
    matrix, reference = vectors(seed, 1), vectors(seed + 7)[0]
    orders = list(permutations(range(6)))
    mixed = np.repeat(reference[np.newaxis], 7 * len(orders), axis=0).reshape(len(orders), 7, -1)
    for number, order in enumerate(orders):
        for step, group in enumerate(order, start=1):
            mixed[number, step:, PLACES[group]] = matrix[0, PLACES[group]][:, np.newaxis]
    effect = np.diff(tangled(mixed.reshape(-1, len(COLUMNS))).reshape(-1, 7), axis=1)
    brute = [effect[np.array(orders) == group].mean() for group in range(6)]
    np.testing.assert_allclose(shapley(matrix, reference, tangled)[0], brute, atol=1e-9)


def test_a_flight_like_the_reference_has_no_reasons() -> None:
    matrix = vectors(3)
    np.testing.assert_allclose(shapley(matrix, matrix[1], tangled)[1], 0, atol=1e-12)


def test_a_group_that_changes_nothing_has_no_share() -> None:
    def ignorant(matrix: Matrix) -> np.ndarray:
        return np.nan_to_num(matrix[:, PLACES[2][0]]).astype(float)

    shares = shapley(vectors(5), vectors(6)[0], ignorant)
    np.testing.assert_allclose(np.delete(shares, 2, axis=1), 0, atol=1e-12)
    assert (np.abs(shares[:, 2]) > 1e-3).all()


def test_two_groups_that_act_alike_share_alike() -> None:
    def together(matrix: Matrix) -> np.ndarray:
        return np.minimum(matrix[:, PLACES[0][0]], matrix[:, PLACES[4][0]]).astype(float)

    matrix, reference = np.ones((1, len(COLUMNS)), np.float32), np.zeros(len(COLUMNS), np.float32)
    np.testing.assert_allclose(shapley(matrix, reference, together), [[0.5, 0, 0, 0, 0.5, 0]], atol=1e-15)


def test_the_flight_and_the_reference_in_each_others_place_turn_every_sign() -> None:
    flight, reference = vectors(8)[:1], vectors(9)[:1]
    forth, back = shapley(flight, reference[0], tangled), shapley(reference, flight[0], tangled)
    np.testing.assert_allclose(forth, -back, atol=1e-12)


def test_sixty_four_rows_are_asked_at_once_for_each_flight() -> None:
    sizes: list[int] = []

    def counting(matrix: Matrix) -> np.ndarray:
        sizes.append(len(matrix))
        return np.zeros(len(matrix))

    shapley(vectors(1, 5), vectors(2)[0], counting)
    assert sizes == [5 * COALITIONS] == [320]


def test_reasons_of_a_trained_model_sum_to_its_difference(made_bundle, made_flights) -> None:
    predictor = Predictor(made_bundle, threads=1)
    predictions = predictor.predict(
        made_flights[-300:], past=made_flights, timetable_of=made_flights, reasons=True
    )
    assert predictions.reasons is not None
    np.testing.assert_allclose(
        predictions.reasons.sum(axis=1),
        predictions.late_probability - predictor.reference_late_probability,
        atol=1e-9,
    )
    assert np.abs(predictions.reasons).max() > 0.05
