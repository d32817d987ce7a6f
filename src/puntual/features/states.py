"""The states of knowledge: what may be known of a flight at the cut-off, each state one entry of one table.

Training, ONNX, calibration, predictor and report walk `STATES`; a further state is one more entry.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from puntual.features import kernel
from puntual.features.flight_keys import view
from puntual.features.history import WINDOWS
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.spec import Known
from puntual.features.vector import COLUMNS, FEATURES, Matrix

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class State:
    """One state of knowledge, which has an expert, a scaling and an ONNX member of its own, all by its name.

    Its expert reads the features known by `known`. A flight is in the first state whose `sentinel` column it has;
    the last state has none and takes the rest. `history` says whether the operations of days past may be known. A live
    state is that of flights up to `until` minutes before their schedule, and its expert learns from `cut_offs`. Of the
    flights that its expert is fitted on, `typical_share` are shown with a typical timetable, and `lagged_share` with a
    history that was closed days before.
    """

    name: str
    known: Known
    sentinel: int | None
    typical_share: float
    lagged_share: float = 0.0
    history: bool = False
    until: int | None = None
    cut_offs: tuple[int, ...] = ()

    @property
    def hidden(self) -> NDArray[np.intp]:
        """The columns of the vector that are not known yet in this state."""
        return np.array(
            [place for place, feature in enumerate(FEATURES) if feature.known > self.known], np.intp
        )


# The states that every model answers in. Who knows most stands first.
STATES = (
    State(
        "history",
        Known.HISTORY,
        # Every airport has a rate, its own or the network's, wherever history reaches into the longest window.
        sentinel=COLUMNS.index(f"airport_late_rate_{WINDOWS[-1]}d"),
        typical_share=0.15,
        lagged_share=0.15,
        history=True,
    ),
    State("timetable", Known.TIMETABLE, sentinel=None, typical_share=0.5),
)
# Those that a model may have learnt besides, one for each range of horizons, nearest first; their rows are wider.
LIVE_STATES = tuple(
    State(
        f"live_{cut_offs[-1]}",
        Known.LIVE,
        sentinel=ALL_COLUMNS.index("horizon"),
        typical_share=0.0,
        history=True,
        until=until,
        cut_offs=cut_offs,
    )
    for cut_offs, until in (((30,), 45), ((60,), 90), ((120, 180), 240), ((360, 720), 18 * 60))
)
ALL_STATES = (*STATES, *LIVE_STATES)
STATE_NAMES = tuple(state.name for state in ALL_STATES)
_SENTINELS = tuple(-1 if state.sentinel is None else state.sentinel for state in STATES)
# What users are told of, to whom all live states are one.
_LIVE: tuple[Literal["live"], ...] = ("live",)
SHOWN_STATES: tuple[Literal["history", "timetable", "live"], ...] = (
    "history",
    "timetable",
    *_LIVE * len(LIVE_STATES),
)
FARTHEST_LIVE = max(state.until or 0 for state in LIVE_STATES)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that models are scored under: a state of knowledge, with the day's timetable or a typical one."""

    name: str
    title: str
    state: State
    typical: bool = False


CONDITIONS = (
    Condition("history", "Timetable and history known", STATES[0]),
    Condition("timetable", "Timetable known, no history", STATES[-1]),
    Condition("typical_timetable", "Typical timetable, no history", STATES[-1], typical=True),
)
# The condition of a flight of tomorrow, under which models are judged.
MAIN = CONDITIONS[0]


def part(matrix: Matrix) -> Iterator[tuple[State, Rows | slice]]:
    """Part the rows of a matrix by their state of knowledge, leaving out states without rows.

    A slice of everything stands for the rows where all are in one state, as those of one request mostly are.
    """
    places, common = _places(matrix)
    if common >= 0:
        yield ALL_STATES[common], slice(None)
        return
    for place, state in enumerate(ALL_STATES):
        rows = np.flatnonzero(places == place)
        if len(rows):
            yield state, rows


def places_of(matrix: Matrix) -> NDArray[np.int8]:
    """Give the state of n rows as their places in `ALL_STATES`, whose names are `STATE_NAMES`; shape (n,)."""
    return _places(matrix)[0]


def _places(matrix: Matrix) -> tuple[NDArray[np.int8], int]:
    """Give the place of each row's state, and that of all rows, -1 where they differ."""
    places = np.empty(len(matrix), np.int8)
    common = kernel.states_of(view(matrix), _SENTINELS, view(places))
    if matrix.shape[1] == len(COLUMNS):
        return places, common
    # The nearest last, since what is near is within reach of the far ones too.
    for state in reversed(LIVE_STATES):
        places[matrix[:, state.sentinel] <= (state.until or 0)] = ALL_STATES.index(state)
    return places, int(places[0]) if len(places) and (places == places[0]).all() else -1


def withhold(matrix: Matrix, names: Container[str]) -> Matrix:
    """Put the rows of a wide matrix, in place, whose live state is not among `names`, into a coarser one that is.

    They are then looked at as from as far ahead as that one reaches down to. Where there is none they lose their
    horizon, and the state of the day before answers for them.
    """
    for state, rows in list(part(matrix)):
        if state.until is not None and state.name not in names:
            matrix[rows, state.sentinel] = _nearest_coarser(state, names)
    return matrix


def _nearest_coarser(state: State, names: Container[str]) -> float:
    place = LIVE_STATES.index(state)
    for nearer, coarser in pairwise(LIVE_STATES[place:]):
        if coarser.name in names:
            return (nearer.until or 0) + 1
    return np.nan


def rows_in(state: State, matrix: Matrix) -> Rows:
    """Give the rows of a matrix that are in one state of knowledge."""
    for other, rows in part(matrix):
        if other is state:
            return np.arange(len(matrix))[rows]
    return np.empty(0, np.intp)


def knows_history(matrix: Matrix) -> NDArray[np.bool_]:
    """Mark the rows of a matrix of which the operations of days past are known, shape (n,)."""
    # The state that knows least of it, below which none does.
    least = next(state.sentinel for state in reversed(STATES) if state.history)
    present = matrix[:, least]
    known: NDArray[np.bool_] = present == present
    return known
