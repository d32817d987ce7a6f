"""Asks the experts of each state of knowledge, one or several together, each with its share.

The probabilities of several are averaged as logarithms, where a calibration then scales and shifts them: calibrated
apart and averaged, they would need to be calibrated again.

In ONNX a flight gets the same answer, to the bit, whatever is asked beside it.

The runtime's own threads share out the trees of a flight and add what each found in another order, so they are not
used: many flights are shared out among threads here, each row walked by one. A matrix product rounds a row
differently with the number of rows, so models made of those are asked about blocks of one size.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puntual.errors import BundleError
from puntual.features.kernel import is_compiled
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.states import LIVE_STATES, STATES, part
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction import band_kernel
from puntual.prediction.calibration import TINY, Probabilities, softmax
from puntual.prediction.onnx_trees import Trees, read_trees, with_sums

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

# The candidates whose trees are walked row by row; all others multiply matrices.
_TREES = frozenset({"forest", "lightgbm", "xgboost"})
_BLOCK = 64
# Fewer rows than this are done before another thread has woken up.
_SHARE = 2_048
# Fewer rows than this are asked about sooner than they are put in order, by what weighs most, last.
_MANY = 128
_LIKENESS = [ALL_COLUMNS.index(name) for name in ("hours_since_five", "airline_code", "origin_code")]
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
        where `mixtures` names several for one. Raise ValueError for what is no model.
        """
        # One expert may be that of several states.
        load = cache(_load)
        answers: dict[str, Ask] = {}
        for name, content in experts.items():
            # What is live is learnt by trees, whatever candidate won.
            by_rows = candidate in _TREES or name not in DAY_EXPERTS
            try:
                answers[name] = load(content, tuple(columns[name]), by_rows)
            except ValueError as error:
                raise ValueError(f"the expert {name!r}: {error}") from error
        self._answers = answering(answers, mixtures or {})
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


class _TreeModel:
    """The trees of one expert, walked by the kernel."""

    def __init__(self, trees: Trees) -> None:
        self._width, self._base = trees.width, trees.base
        self._sum_leaves = partial(
            band_kernel.sum_leaves,
            trees.roots.data,
            trees.depths.data,
            trees.nodes.data,
            trees.nodes.view(np.float32).data,
            trees.weights.data,
            trees.bands.data,
        )

    def bands(self, matrix: Matrix) -> _FloatBands:
        """Give the probabilities of the bands for n vectors, shape (n, 5); raise ValueError for too short ones."""
        if matrix.shape[1] < self._width:
            raise ValueError(f"vectors of {matrix.shape[1]} columns; its trees read {self._width}")
        logits = np.zeros((len(matrix), BAND_COUNT), np.float32)
        shown = np.empty((min(len(matrix), band_kernel.SHOWN), 2 * self._width), np.float32)
        reached = np.empty(band_kernel.LANES, np.int32)
        self._sum_leaves(np.ascontiguousarray(matrix).data, shown.data, reached.data, logits.data)
        logits += self._base
        return _softmax(logits)


class _RuntimeModel:
    """The ONNX model of one expert, asked by ONNX's own runtime."""

    def __init__(self, content: bytes, columns: NDArray[np.intp], by_rows: bool) -> None:
        self._session = _session(content)
        (self._input,) = (given.name for given in self._session.get_inputs())
        outputs = [given.name for given in self._session.get_outputs()]
        # The sums of trees stand last where they are asked for.
        self._output, self._gives_sums = outputs[-1], len(outputs) > 1
        self._columns = columns
        self._reads_all = np.array_equal(self._columns, np.arange(len(columns)))
        self._by_rows = by_rows

    def bands(self, matrix: Matrix) -> _FloatBands:
        """Give the probabilities of the bands for n vectors, shape (n, 5)."""
        return self._by_likeness(matrix) if self._by_rows else self._by_blocks(matrix)

    def _run(self, matrix: Matrix) -> _FloatBands:
        if not self._reads_all or matrix.shape[1] > len(self._columns):
            matrix = matrix.take(self._columns, axis=1)
        answer: _FloatBands = self._session.run([self._output], {self._input: matrix})[0]
        return _softmax(answer) if self._gives_sums else answer

    def _by_likeness(self, matrix: Matrix) -> _FloatBands:
        """Ask about many rows in an order in which rows that are alike follow each other.

        They take the same turns in the trees, which a processor then foresees: a sixth of the time.
        """
        if len(matrix) < _MANY:
            return self._run(matrix)
        order = np.lexsort([matrix[:, column] for column in _LIKENESS])
        bands = np.empty((len(matrix), BAND_COUNT), np.float32)
        bands[order] = self._run(matrix[order])
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


def _softmax(logits: _FloatBands) -> _FloatBands:
    """Turn the sums of trees into probabilities as the runtime would, but with the exponentials of numpy."""
    return softmax(logits.astype(np.float64)).astype(np.float32)


def _load(content: bytes, columns: Sequence[str], by_rows: bool) -> Ask:
    """Load what asks one expert: its trees by the kernel, to the same bits as the runtime would, or the runtime."""
    places = np.array([ALL_COLUMNS.index(column) for column in columns], np.intp)
    trees = read_trees(content, places)
    if trees is None:
        return _RuntimeModel(content, places, by_rows).bands
    if is_compiled():
        return _TreeModel(trees).bands
    # The interpreter would take a thousand times as long as the runtime.
    return _RuntimeModel(with_sums(content), places, by_rows).bands


def _session(content: bytes) -> Any:
    # Where all experts are trees, the runtime's 40 MB are left out.
    import onnxruntime

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
