"""The estimator that notebooks unpickle: the experts with their calibration, over the whole feature vector."""

from dataclasses import dataclass

from puntual.features.vector import Matrix
from puntual.prediction.calibration import Calibration, Probabilities
from puntual.training.experts import Experts


@dataclass(frozen=True, slots=True)
class CalibratedEstimator:
    """What a bundle's ONNX and calibration say, by the fitted estimators themselves."""

    experts: Experts
    calibration: Calibration

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Give the calibrated probabilities of the five bands, shape (n, 5)."""
        return self.calibration.apply(self.experts.predict_proba(matrix), matrix)
