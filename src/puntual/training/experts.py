"""Two experts under one roof: one for flights whose recent history is known, one for those without.

A single model taught on a mixture forgets what it would know from the timetable alone; two experts each stay as
good as a model made for their own state of knowledge.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import Probabilities, history_is_known


class Classifier(Protocol):
    """What is asked of an estimator: scikit-learn's interface of a classifier."""

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
    """The estimator that a bundle holds: it takes the whole vector and gives uncalibrated probabilities."""

    known: Expert
    unknown: Expert

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Give the probabilities of the five bands, shape (n, 5), from the expert for each flight's state."""
        known = history_is_known(matrix)
        found = np.empty((len(matrix), BAND_COUNT))
        found[known] = self.known.predict_proba(matrix[known])
        found[~known] = self.unknown.predict_proba(matrix[~known])
        return found
