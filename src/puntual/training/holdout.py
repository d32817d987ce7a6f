"""What a model predicts of flights that it had not seen, from which its calibration is fitted."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from puntual.features.states import Rows
from puntual.features.vector import Matrix
from puntual.prediction.calibration import Calibration, Probabilities, Scaling


@dataclass(frozen=True, slots=True)
class HoldoutPredictions:
    """What a model predicts of flights (`rows`) that it had not seen: probabilities, with vectors, bands and level.

    The flights come first as they were on the day, then again as they were known before; `level` holds the log odds by
    which the model's own level raises each. `prior` undoes the model's treatment, and its centre are the log shares of
    the bands that it was trained on.
    """

    rows: Rows
    probabilities: Probabilities
    matrix: Matrix
    bands: NDArray[np.int8]
    level: NDArray[np.float64]
    prior: Scaling

    def calibrated(self, calibration: Calibration) -> Probabilities:
        """Calibrate the probabilities of the flights as they were on the day, by the model's own level."""
        own = slice(len(self.rows))
        return calibration.scale(self.probabilities[own], self.matrix[own], self.level[own])

    def only(self, rows: Rows) -> "HoldoutPredictions":
        """Keep what is at some places, whichever flights these are."""
        kept = {name: getattr(self, name)[rows] for name in ("probabilities", "matrix", "bands", "level")}
        return replace(self, **kept)
