"""Asks a bundle's ONNX model: a flight gets the same answer, to the bit, whatever is asked beside it.

The runtime's own threads share out the trees of a flight and add what each found in another order, so they are not
used: many flights are shared out among threads here, each row walked by one. A matrix product rounds a row
differently with the number of rows, so models made of those are asked about blocks of one size.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import history_is_known

# The candidates whose trees are walked row by row; all others multiply matrices.
_TREES = frozenset({"forest", "lightgbm", "xgboost"})
_BLOCK = 64
# Fewer rows than this are done before another thread has woken up.
_SHARE = 2_048
Said = NDArray[np.float32]


class Model:
    """The model of a bundle, from vectors to the uncalibrated probabilities of the bands."""

    def __init__(self, content: bytes, candidate: str, threads: int = 0) -> None:
        """Load an ONNX model that was converted from this candidate; `threads` to use, 0 for all cores."""
        self._session = _session(content)
        self._threads = threads or os.cpu_count() or 1
        self._ask: Callable[[Matrix], Said] = self._run if candidate in _TREES else self._by_blocks

    def bands(self, matrix: Matrix) -> Said:
        """Give what the model says of n vectors, shape (n, 5)."""
        if self._threads == 1 or len(matrix) < 2 * _SHARE:
            return self._ask(matrix)
        shares = np.array_split(matrix, max(self._threads, len(matrix) // (16 * _SHARE)))
        return np.concatenate(list(self._pool.map(self._ask, shares)))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="puntual-model")

    def _run(self, matrix: Matrix) -> Said:
        said: Said = self._session.run(None, {"vector": matrix})[0]
        return said

    def _by_blocks(self, matrix: Matrix) -> Said:
        """Ask about full blocks of one state of knowledge each, since the model parts the rows by it."""
        said = np.empty((len(matrix), BAND_COUNT), np.float32)
        known = history_is_known(matrix)
        for rows in (np.flatnonzero(known), np.flatnonzero(~known)):
            for start in range(0, len(rows), _BLOCK):
                block = rows[start : start + _BLOCK]
                full = np.resize(block, _BLOCK)
                said[block] = self._run(matrix[full])[: len(block)]
        return said


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Warnings of the runtime speak of its own optimisations, not of the model.
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
