"""The fitted estimators: one expert for each state of knowledge, and all of them with their calibration.

A single model taught on a mixture forgets what it would know from the timetable alone; experts each stay as good as
a model made for their own state of knowledge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from puntual.features.states import part
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import Calibration, Probabilities


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
    """The expert of each state of knowledge by its name: from whole vectors to uncalibrated probabilities."""

    of: Mapping[str, Expert]

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Give the probabilities of the five bands, shape (n, 5), from the expert for each flight's state."""
        bands = np.empty((len(matrix), BAND_COUNT))
        for state, rows in part(matrix):
            bands[rows] = self.of[state.name].predict_proba(matrix[rows])
        return bands


@dataclass(frozen=True, slots=True)
class CalibratedEstimator:
    """What a bundle's ONNX and calibration say, by the fitted estimators themselves; notebooks unpickle it."""

    experts: Experts
    calibration: Calibration

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Give the calibrated probabilities of the five bands, shape (n, 5)."""
        return self.calibration.apply(self.experts.predict_proba(matrix), matrix)
