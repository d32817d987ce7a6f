"""Questions that a bundle holds with their answers, asked again whenever it is loaded.

They prove that the model which answers is the one that was trained: under this runtime, on this machine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from puntual.errors import BundleError
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.states import STATES, State, rows_in
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.arrays import Columns
from puntual.flights.flight import BAND_COUNT

TOLERANCE = 1e-5
# Experts answer in float32, so what should sum to 1 misses it by a little.
_SUM_TOLERANCE = 1e-3
_Bands = NDArray[np.floating]


def to_table(matrix: Matrix, bands: NDArray[np.float64]) -> Columns:
    """Lay out n vectors and their calibrated probabilities of the bands, shape (n, 5), to be stored."""
    return {"vector": matrix, "bands": bands}


def vectors_of(table: Columns, version: str, live: Sequence[State] = ()) -> Matrix:
    """Give the vectors to ask about; raise BundleError unless there are some in each state of knowledge.

    Those of `live` states are wider, and asked apart.
    """
    states, columns = (live, len(ALL_COLUMNS)) if live else (STATES, len(COLUMNS))
    matrix, bands = table.get("vector"), table.get("bands")
    if (
        matrix is None
        or bands is None
        or matrix.dtype != np.float32
        or matrix.shape[1:] != (columns,)
        or bands.shape != (len(matrix), BAND_COUNT)
        or not all(len(rows_in(state, matrix)) for state in states)
    ):
        raise BundleError(
            f"bundle {version}: its questions are not {columns} features and {BAND_COUNT} answers each, some in "
            "each state of knowledge; train it again"
        )
    return matrix


def require_same_answers(table: Columns, raw: _Bands, bands: _Bands, version: str) -> None:
    """Raise BundleError unless the experts' `raw` answers are probabilities, and the calibrated ones those stored.

    Both have the shape (n, 5).
    """
    if not (raw.min() >= 0 and np.abs(raw.sum(axis=1) - 1).max() <= _SUM_TOLERANCE):
        raise BundleError(
            f"bundle {version}: its model answers {raw[0].tolist()} to a stored question, which are no probabilities "
            "that sum to 1; fetch or train it again"
        )
    difference = np.abs(bands - table["bands"]).max()
    if not difference <= TOLERANCE:
        raise BundleError(
            f"bundle {version}: its model answers its stored questions otherwise than when it was written: by up to "
            f"{difference:.2g}, expected at most {TOLERANCE:g}; fetch or train it again"
        )
