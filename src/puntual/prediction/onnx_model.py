"""Asks a bundle's experts: a flight gets the same answer, to the bit, whatever is asked beside it.

The runtime's own threads share out the trees of a flight and add what each found in another order, so they are not
used: many flights are shared out among threads here, each row walked by one. A matrix product rounds a row
differently with the number of rows, so models made of those are asked about blocks of one size.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.states import part
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.mixtures import DAY_EXPERTS, Mixture, answering

# The candidates whose trees are walked row by row; all others multiply matrices.
_TREES = frozenset({"forest", "lightgbm", "xgboost"})
_BLOCK = 64
# Fewer rows than this are done before another thread has woken up.
_SHARE = 2_048
_FloatBands = NDArray[np.float32]


class Model:
    """The experts of a bundle, from vectors to the uncalibrated probabilities of the bands."""

    def __init__(
        self,
        experts: Mapping[str, bytes],
        columns: Mapping[str, Sequence[str]],
        candidate: str,
        threads: int = 0,
        mixtures: Mapping[str, Mixture] | None = None,
    ) -> None:
        """Load the ONNX models of experts by name, which read these columns and were made from this candidate.

        `threads` is the number to use, 0 for all cores. An expert answers in the state of knowledge of its name, but
        where `mixtures` names several for one.
        """
        # One expert may be that of several states.
        load = cache(_ExpertModel)
        loaded = {
            # What is live is learnt by trees, whatever candidate won.
            name: load(content, tuple(columns[name]), candidate in _TREES or name not in DAY_EXPERTS)
            for name, content in experts.items()
        }
        self._answers = answering({name: model.bands for name, model in loaded.items()}, mixtures or {})
        self._threads = threads or os.cpu_count() or 1

    def bands(self, matrix: Matrix) -> _FloatBands:
        """Give the experts' probabilities of the bands for n vectors, shape (n, 5)."""
        if self._threads == 1 or len(matrix) < 2 * _SHARE:
            return self._parted(matrix)
        shares = np.array_split(matrix, max(self._threads, len(matrix) // (16 * _SHARE)))
        return np.concatenate(list(self._pool.map(self._parted, shares)))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="puntual-model")

    def _parted(self, matrix: Matrix) -> _FloatBands:
        """Ask those who answer in each row's state of knowledge alone."""
        bands = np.empty((len(matrix), BAND_COUNT), np.float32)
        if len(matrix):
            for state, rows in part(matrix):
                bands[rows] = self._answers[state.name](matrix[rows])
        return bands


class _ExpertModel:
    """The ONNX model of one expert."""

    def __init__(self, content: bytes, columns: Sequence[str], by_rows: bool) -> None:
        self._session = _session(content)
        (self._input,) = (given.name for given in self._session.get_inputs())
        self._columns = np.array([ALL_COLUMNS.index(column) for column in columns], np.intp)
        self._reads_all = np.array_equal(self._columns, np.arange(len(columns)))
        self.bands: Callable[[Matrix], _FloatBands] = self._run if by_rows else self._by_blocks

    def _run(self, matrix: Matrix) -> _FloatBands:
        if not self._reads_all or matrix.shape[1] > len(self._columns):
            matrix = matrix.take(self._columns, axis=1)
        bands: _FloatBands = self._session.run(None, {self._input: matrix})[0]
        return bands

    def _by_blocks(self, matrix: Matrix) -> _FloatBands:
        bands = np.empty((len(matrix), BAND_COUNT), np.float32)
        for start in range(0, len(matrix), _BLOCK):
            block = matrix[start : start + _BLOCK]
            rows = len(block)
            # The last is filled up with its own rows, again and again.
            full = block if rows == _BLOCK else block.take(np.arange(_BLOCK) % rows, axis=0)
            bands[start : start + rows] = self._run(full)[:rows]
        return bands


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # An arena keeps what the longest request needed, for each expert by itself.
    options.enable_cpu_mem_arena = False
    # Warnings of the runtime speak of its own optimisations, not of the model.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    # It keeps what it was made from, to be made again by a provider that is not asked for here.
    session._model_bytes = None
    return session
