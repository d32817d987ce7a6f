"""Averages: a state of knowledge may be answered by several experts together, each with its share.

Their probabilities are averaged as logarithms, where a calibration then scales and shifts them: calibrated apart and
averaged, they would need to be calibrated again.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puntual.errors import BundleError
from puntual.features.states import LIVE_STATES, STATES, part
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import TINY, Probabilities, softmax

# The expert that learns the airport's level, beside the one of the state `history`, which takes it as an offset.
LEVEL_EXPERT = "history_level"
# The expert for all horizons, beside those of the live states, each for its own range.
POOLED_EXPERT = "live"
# In place of an expert: whatever answers of the day before, as if nothing had become known since.
DAY_BEFORE = "day_before"
# What is not among these learns from the day as it unfolds.
DAY_EXPERTS = frozenset({*(state.name for state in STATES), LEVEL_EXPERT})

# Names of experts and the share of each; the shares sum to 1.
Mixture = Mapping[str, float]
Ask = Callable[[Matrix], NDArray[Any]]


def answering(experts: Mapping[str, Ask], mixtures: Mapping[str, Mixture]) -> dict[str, Ask]:
    """Give what answers in each state of knowledge by its name: a mixture, or the expert of that name.

    Raise BundleError for a mixture of experts that are not there.
    """
    answers = dict(experts)
    members = {**experts, DAY_BEFORE: lambda matrix: _ask_day_before(answers, matrix)}
    for state, mixture in mixtures.items():
        _require_members(state, mixture, members)
        answers[state] = partial(_average, [(members[name], share) for name, share in mixture.items()])
    return answers


def live_states(experts: Mapping[str, object], mixtures: Mapping[str, Mixture]) -> tuple[str, ...]:
    """Name the live states that some experts answer in."""
    return tuple(state.name for state in LIVE_STATES if state.name in experts or state.name in mixtures)


def average(answers: list[tuple[Probabilities, float]]) -> Probabilities:
    """Average probabilities of the bands, each of shape (n, 5), as logarithms, by their shares."""
    logits = np.zeros(answers[0][0].shape)
    for bands, share in answers:
        logits += share * np.log(np.maximum(bands.astype(np.float64), TINY))
    return softmax(logits)


def _require_members(state: str, mixture: Mixture, members: Mapping[str, Ask]) -> None:
    for name in mixture:
        if name not in members or (name == DAY_BEFORE and state in DAY_EXPERTS):
            raise BundleError(
                f"the state {state!r} is answered by {', '.join(mixture)}, and {name!r} is no expert of the bundle "
                "that can do so; train or fetch it again"
            )


def _average(members: list[tuple[Ask, float]], matrix: Matrix) -> Probabilities:
    return average([(ask(matrix), share) for ask, share in members])


def _ask_day_before(answers: Mapping[str, Ask], matrix: Matrix) -> Probabilities:
    known = np.ascontiguousarray(matrix[:, : len(COLUMNS)])
    bands = np.empty((len(known), BAND_COUNT))
    for state, rows in part(known):
        bands[rows] = answers[state.name](known[rows])
    return bands
