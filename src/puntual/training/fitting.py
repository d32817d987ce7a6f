"""A candidate's whole recipe: which columns its experts read, how they are fitted and how the level comes in."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows, SplitKind
from puntual.features.history import WINDOWS
from puntual.features.states import STATES, State, rows_in
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import Calibration, Level
from puntual.training.calibration_fit import HoldoutPredictions, fit_level
from puntual.training.candidates import Candidate, fit, treat
from puntual.training.dataset import TrainingVectors, columns_without
from puntual.training.estimator import Expert, Experts

YEARLY = ("month_sin", "month_cos", "high_season")
# Each is the same for all of a day's flights at an airport, and within a year hardly on another day: by it, an
# estimator would learn the weather of that day by heart.
NAMING_THE_DAY = (
    "days_to_holiday",
    "days_since_holiday",
    "airport_departures_day",
    *(f"airport_support_{window}d" for window in WINDOWS),
)
LEVEL = tuple(f"airport_{what}_{window}d" for what in ("late_rate", "delay") for window in WINDOWS)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A candidate, and what the split lets it learn.

    `years` is how many times training went round the year. Columns that name the day are left out until it went
    round twice. Split by time, columns of the year's cycle are left out until it went round once, and the airport's
    own level is applied as an offset rather than learnt, because trees cannot follow it beyond what they saw.
    """

    candidate: Candidate
    kind: SplitKind
    years: int
    seed: int = 0

    def columns_of(self, state: State) -> NDArray[np.intp]:
        """Give the columns of the expert for one state of knowledge."""
        by_time = self.kind is SplitKind.TIME
        return columns_without((LEVEL if by_time else ()) + self._unlearnable, state.known)

    @property
    def _unlearnable(self) -> tuple[str, ...]:
        by_part_of_a_year = self.kind is SplitKind.TIME and self.years < 1
        return (NAMING_THE_DAY if self.years < 2 else ()) + (YEARLY if by_part_of_a_year else ())


@dataclass(frozen=True, slots=True)
class Shown:
    """What one expert is fitted on: vectors in its state of knowledge, and the band of each."""

    matrix: Matrix
    bands: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What a candidate is fitted on: flights as shown to each state's expert, and as they were on the day."""

    shown: Mapping[str, Shown]
    full: Matrix
    bands: NDArray[np.int8]
    day: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Fitted experts, what undoes their treatment, the log shares of the bands and the level to be applied."""

    experts: Experts
    shift: tuple[float, ...]
    center: tuple[float, ...]
    level: Level

    def predict_holdout(self, vectors: TrainingVectors, rows: Rows) -> HoldoutPredictions:
        """Predict flights that the experts have not seen, first as they were on the day, then knowing less.

        So the scaling of every state of knowledge can be fitted.
        """
        matrix = np.concatenate(
            [vectors.full(rows), *(vectors.for_fitting(state, rows) for state in STATES[1:])]
        )
        bands = np.tile(vectors.dataset.bands[rows], len(STATES))
        probabilities = self.experts.predict_proba(matrix)
        return HoldoutPredictions(
            probabilities, matrix, bands, self.level.of(matrix), self.shift, self.center
        )

    def predict(self, calibration: Calibration, matrix: Matrix) -> NDArray[np.float64]:
        """Give the calibrated probabilities of the bands, shape (n, 5)."""
        return calibration.apply(self.experts.predict_proba(matrix), matrix)


def prepare_training_set(vectors: TrainingVectors, rows: Rows) -> TrainingSet:
    """Prepare what experts are fitted on from some flights."""
    bands = vectors.dataset.bands[rows]
    shown = {}
    for state in STATES:
        matrix = vectors.for_fitting(state, rows)
        own = rows_in(state, matrix)
        shown[state.name] = Shown(matrix[own], bands[own])
    return TrainingSet(shown, vectors.full(rows), bands, vectors.dataset.keys.day[rows])


def fit_recipe(recipe: Recipe, training: TrainingSet) -> FittedModel:
    """Fit the expert of every state of knowledge, and the level."""
    experts = Experts({state.name: _expert(recipe, state, training.shown[state.name]) for state in STATES})
    shift = treat(recipe.candidate.treatment, training.bands, recipe.seed).shift
    shares = np.bincount(training.bands, minlength=BAND_COUNT) / len(training.bands)
    center = tuple(np.log(np.maximum(shares, 1e-6)).tolist())
    by_time = recipe.kind is SplitKind.TIME
    level = fit_level(training.full, training.bands > 0, training.day) if by_time else Level()
    return FittedModel(experts, shift, center, level)


def _expert(recipe: Recipe, state: State, shown: Shown) -> Expert:
    columns = recipe.columns_of(state)
    return Expert(fit(recipe.candidate, shown.matrix, columns, shown.bands, recipe.seed), columns)
