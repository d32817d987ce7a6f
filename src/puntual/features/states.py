"""The states of knowledge: what may be known of a flight at the cut-off, each state one entry of one table.

Training, ONNX, calibration, predictor and report walk `STATES`; a further state is one more entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.features import kernel
from puntual.features.flight_keys import view
from puntual.features.history import WINDOWS
from puntual.features.spec import Known
from puntual.features.vector import COLUMNS, FEATURES, Matrix

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class State:
    """One state of knowledge, which has an expert, a scaling and an ONNX member of its own, all by its name.

    Its expert reads the features known by `known`. A flight is in the first state whose `sentinel` column it has;
    the last state has none and takes the rest. `history` says whether the operations of days past are known. Of the
    flights that its expert is fitted on, `typical_share` are shown with a typical timetable, and `lagged_share` with a
    history that was closed days before.
    """

    name: str
    known: Known
    sentinel: int | None
    typical_share: float
    lagged_share: float = 0.0
    history: bool = False

    @property
    def hidden(self) -> NDArray[np.intp]:
        """The columns of the vector that are not known yet in this state."""
        return np.array(
            [place for place, feature in enumerate(FEATURES) if feature.known > self.known], np.intp
        )


# Who knows most stands first.
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
STATE_NAMES = tuple(state.name for state in STATES)


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
        yield STATES[common], slice(None)
        return
    for place, state in enumerate(STATES):
        rows = np.flatnonzero(places == place)
        if len(rows):
            yield state, rows


def places_of(matrix: Matrix) -> NDArray[np.int8]:
    """Give the state of knowledge of n rows as their places in `STATES`, whose names are `STATE_NAMES`; shape (n,)."""
    return _places(matrix)[0]


def _places(matrix: Matrix) -> tuple[NDArray[np.int8], int]:
    """Give the place of each row's state, and that of all rows, -1 where they differ."""
    places = np.empty(len(matrix), np.int8)
    sentinels = tuple(-1 if state.sentinel is None else state.sentinel for state in STATES)
    return places, kernel.states_of(view(matrix), sentinels, view(places))


def rows_in(state: State, matrix: Matrix) -> Rows:
    """Give the rows of a matrix that are in one state of knowledge."""
    for other, rows in part(matrix):
        if other is state:
            return np.arange(len(matrix))[rows]
    return np.empty(0, np.intp)


def knows_history(matrix: Matrix) -> NDArray[np.bool_]:
    """Mark the rows of a matrix in whose state of knowledge the operations of days past are known, shape (n,)."""
    known = np.empty(len(matrix), bool)
    for state, rows in part(matrix):
        known[rows] = state.history
    return known
