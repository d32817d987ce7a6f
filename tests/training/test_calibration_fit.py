"""A scaling is that of the plain formula, to the bit, however its flights are parted and laid out."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import Scaling, softmax
from puntual.training import calibration_fit
from puntual.training.calibration_fit import HoldoutPredictions, ScalingFit

CENTERS = ((-0.2, -2.3, -3.0, -3.5, -3.9), (-0.3, -1.9, -2.7, -3.2, -4.4))


def block(flights: int, place: int) -> HoldoutPredictions:
    """Flights whose bands come as often as a model says, less boldly."""
    chance = np.random.default_rng(place)
    logits = np.array(CENTERS[place]) + chance.normal(0, 0.6, (flights, BAND_COUNT))
    bands = (softmax(logits).cumsum(axis=1) < chance.random((flights, 1))).sum(axis=1)
    return HoldoutPredictions(
        rows=np.arange(flights),
        probabilities=softmax(1.4 * logits),
        matrix=np.empty((flights, 0), np.float32),
        bands=bands.clip(0, 4).astype(np.int8),
        level=chance.normal(0, 0.3, flights),
        prior=Scaling(shift=(0.0, 0.1, 0.0, -0.1, 0.0), center=CENTERS[place]),
    )


def plainly(blocks: list[HoldoutPredictions], penalty: float) -> Scaling:
    """The scaling of least penalised log loss, row by row as the formula has it."""
    neutral = np.r_[1.0, np.zeros(BAND_COUNT - 1), 1.0]
    level = np.concatenate([one.level for one in blocks])
    center = np.concatenate([np.tile(one.prior.center, (len(one.bands), 1)) for one in blocks])
    said = [one.prior.logits(one.probabilities, np.zeros(len(one.bands))) for one in blocks]
    apart = np.concatenate(said) - center
    truth = np.eye(BAND_COUNT)[np.concatenate([one.bands for one in blocks])]

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = center + parameters[0] * apart + np.r_[0.0, parameters[1:-1]]
        logits[:, 1:] += parameters[-1] * level[:, np.newaxis]
        shares = softmax(logits)
        error, strayed = shares - truth, parameters - neutral
        fit = -np.log((shares * truth).sum(axis=1)).sum() + penalty * np.square(strayed).sum()
        follow = (error[:, 1:].sum(axis=1) * level).sum()
        slope = np.r_[(error * apart).sum(), error[:, 1:].sum(axis=0), follow] + 2 * penalty * strayed
        return float(fit) / len(truth), slope / len(truth)

    slope, *intercepts, follow = minimize(loss, neutral, method="L-BFGS-B", jac=True).x.tolist()
    prior = blocks[-1].prior
    return Scaling(slope, (0.0, *intercepts), prior.shift, prior.center, follow)


@pytest.mark.parametrize("chunk", [7, 1_024, 100_000])
@pytest.mark.parametrize("penalty", [50.0, 5_000.0])
def test_a_scaling_is_that_of_the_plain_formula_to_the_bit(
    penalty: float, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration_fit, "_CHUNK", chunk)
    blocks = [block(1_500, 0), block(901, 1)]
    scaling = ScalingFit(blocks).under(penalty)
    assert scaling == plainly(blocks, penalty)
    assert scaling.slope < 0.99


def test_one_layout_serves_every_penalty() -> None:
    blocks = [block(600, 0), block(500, 1)]
    fit = ScalingFit(blocks)
    assert fit.under(50.0) == ScalingFit(blocks).under(50.0)
    assert [fit.under(penalty) for penalty in (5_000.0, 50.0)] == [
        ScalingFit(blocks).under(penalty) for penalty in (5_000.0, 50.0)
    ]
