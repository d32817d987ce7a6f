"""A candidate fitted on some flights of an experiment: an expert for each state of knowledge, and the level.

A single model fitted on a mixture forgets what it would know from the timetable alone; experts each stay as good as
a model made for their own state of knowledge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows, sample_rows
from puntual.features.states import STATES, part, rows_in
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import Calibration, Level, Probabilities, Scaling
from puntual.prediction.experts import LEVEL_EXPERT, Mixture, answering, live_states
from puntual.storage import scratch
from puntual.training.calibration_fit import HoldoutPredictions, fit_calibration, fit_level
from puntual.training.candidates import BandLabels, Candidate, fit, treat
from puntual.training.dataset import TrainingVectors
from puntual.training.experiment import LEVEL_COLUMNS, Experiment
from puntual.training.side_by_side import side_by_side

# What the past is known of is answered so where rolling origins want it.
LEVEL_AVERAGED: Mixture = {STATES[0].name: 0.5, LEVEL_EXPERT: 0.5}


# Flights that the windows of the level are weighed by, whose weights are four numbers.
_WEIGHED = 1 << 20
# Whole for any table of a year or two: a product of matrices rounds a row by how many are beside it.
_PREDICTED_AT_ONCE = 1 << 18


class Classifier(Protocol):
    """Scikit-learn's interface of a classifier, as far as it is used."""

    def predict_proba(self, X: Matrix) -> NDArray[np.floating]:
        """Give the probabilities of the five bands, shape (n, 5)."""
        ...


@dataclass(frozen=True, slots=True)
class Expert:
    """A fitted classifier and the columns of the vector that it reads."""

    classifier: Classifier
    columns: NDArray[np.intp]

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Give the probabilities of the five bands, shape (n, 5)."""
        if not len(matrix):
            return np.empty((0, BAND_COUNT))
        return np.asarray(self.classifier.predict_proba(matrix[:, self.columns]), np.float64)


@dataclass(frozen=True, slots=True)
class Experts:
    """Experts by name, from whole vectors to uncalibrated probabilities, and which answer together in what state.

    A state without a mixture is answered by the expert of its name.
    """

    of: Mapping[str, Expert]
    mixtures: Mapping[str, Mixture] = field(default_factory=dict)

    @property
    def live_states(self) -> tuple[str, ...]:
        """The live states that are answered in."""
        return live_states(self.of, self.mixtures)

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Give the probabilities of the five bands, shape (n, 5), from those who answer in each flight's state."""
        answers = answering({name: expert.predict_proba for name, expert in self.of.items()}, self.mixtures)
        bands = np.empty((len(matrix), BAND_COUNT))
        for chunk in scratch.chunks(len(matrix), _PREDICTED_AT_ONCE):
            of_chunk = bands[chunk]
            for state, rows in part(matrix[chunk]):
                of_chunk[rows] = answers[state.name](matrix[chunk][rows])
        return bands


@dataclass(frozen=True, slots=True)
class CalibratedEstimator:
    """What a bundle's ONNX and calibration say, by the fitted estimators themselves; notebooks unpickle it."""

    experts: Experts
    calibration: Calibration

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Give the calibrated probabilities of the five bands, shape (n, 5)."""
        return self.calibration.apply(self.experts.predict_proba(matrix), matrix)


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What candidates are fitted on: some flights, `seen` of those that `vectors` were learnt from.

    `shown` holds, by the name of a state of knowledge, vectors in that state and the band of each; `bands` are those of
    all flights seen; `level` is what all flights as they were on the day teach of the airports' late rates.
    """

    vectors: TrainingVectors
    shown: Mapping[str, tuple[Matrix, BandLabels]]
    bands: BandLabels
    level: Level


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A candidate fitted on some flights: its experts, the vectors by what those flights taught, its calibration.

    As fitted, the calibration is the `prior`, which only undoes the treatment of the imbalance; `calibrated` fits the
    rest of it.
    """

    candidate: Candidate
    vectors: TrainingVectors
    experts: Experts
    calibration: Calibration
    prior: Scaling

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Give the calibrated probabilities of the bands, shape (n, 5)."""
        bands = np.empty((len(matrix), BAND_COUNT))
        for chunk in scratch.chunks(len(matrix), _PREDICTED_AT_ONCE):
            bands[chunk] = self.calibration.apply(self.experts.predict_proba(matrix[chunk]), matrix[chunk])
        return bands

    def predict_holdout(self, rows: Rows) -> HoldoutPredictions:
        """Predict flights that the experts have not seen, first as they were on the day, then knowing less.

        So the scaling of every state of knowledge can be fitted.
        """
        vectors = self.vectors
        matrix = scratch.stack(
            [vectors.full(rows), *(vectors.for_fitting(state, rows) for state in STATES[1:])]
        )
        return HoldoutPredictions(
            rows=rows,
            probabilities=self.experts.predict_proba(matrix),
            matrix=matrix,
            bands=np.tile(vectors.dataset.bands[rows], len(STATES)),
            level=self.calibration.level.of(matrix),
            prior=self.prior,
        )

    def calibrated(self, folds: Sequence[HoldoutPredictions]) -> "FittedModel":
        """Calibrate on flights that these experts, or those of the same candidate before a cut-off, have not seen."""
        return replace(self, calibration=fit_calibration(folds, self.calibration.level))


def fit_on(
    experiment: Experiment, candidate: Candidate, rows: Rows, *, averaged: bool = False
) -> FittedModel:
    """Fit a candidate on some flights, by nothing but what these teach; `averaged` as `fit_candidate` takes it."""
    training = prepare_training_set(experiment, experiment.vectors(rows), experiment.seen(rows))
    return fit_candidate(experiment, candidate, training, averaged=averaged)


def prepare_training_set(experiment: Experiment, vectors: TrainingVectors, seen: Rows) -> TrainingSet:
    """Prepare what experts are fitted on from the flights that they see."""
    bands = vectors.dataset.bands[seen]
    shown = {}
    for state in STATES:
        matrix = vectors.for_fitting(state, seen)
        own = rows_in(state, matrix)
        every_column = np.arange(matrix.shape[1])
        known = matrix if len(own) == len(matrix) else scratch.take(matrix, own, every_column)
        shown[state.name] = known, bands[own]
    level = _learn_level(vectors) if experiment.by_time else Level()
    return TrainingSet(vectors, shown, bands, level)


def fit_candidate(
    experiment: Experiment, candidate: Candidate, training: TrainingSet, *, averaged: bool = False
) -> FittedModel:
    """Fit the expert of every state of knowledge, and the level.

    `averaged`, what the past is known of is answered by two experts together: one that learns the airport's level, and
    the one that takes it as an offset.
    """
    kinds = {state.name: (state, experiment.columns_of(state)) for state in STATES}
    if averaged:
        with_history = STATES[0]
        columns = np.union1d(experiment.columns_of(with_history), LEVEL_COLUMNS)
        kinds[LEVEL_EXPERT] = with_history, columns

    def fit_expert(name: str) -> Expert:
        state, columns = kinds[name]
        matrix, bands = training.shown[state.name]
        return Expert(fit(candidate, matrix, columns, bands, experiment.seed), columns)

    widest_first = sorted(kinds, key=lambda name: -len(kinds[name][1]))
    fitted = dict(zip(widest_first, side_by_side(fit_expert, widest_first), strict=True))
    prior = _prior(candidate, training.bands, experiment.seed)
    calibration = Calibration({state.name: prior for state in STATES}, training.level)
    mixtures = {STATES[0].name: LEVEL_AVERAGED} if averaged else {}
    experts = Experts({name: fitted[name] for name in kinds}, mixtures)
    return FittedModel(candidate, training.vectors, experts, calibration, prior)


def _learn_level(vectors: TrainingVectors) -> Level:
    """Learn the level from all flights before the cut-off, also those that fitting does not see."""
    dataset, rows = vectors.dataset, vectors.learnt_from
    weighed = sample_rows(np.arange(len(rows)), dataset.strata[rows], _WEIGHED, dataset.seed)
    return fit_level(vectors.recent_rates(rows[weighed]), dataset.late[rows], dataset.keys.day[rows], weighed)


def _prior(candidate: Candidate, bands: BandLabels, seed: int) -> Scaling:
    """Give the scaling that undoes a treatment and knows the log shares of the bands, but stretches nothing."""
    shares = np.bincount(bands, minlength=BAND_COUNT) / len(bands)
    center = tuple(np.log(np.maximum(shares, 1e-6)).tolist())
    return Scaling(shift=treat(candidate.treatment, bands, seed).shift, center=center)
