"""Flights as matrices: one for each state of knowledge, and the mixture that experts are taught on."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.evaluation import Outcomes
from puntual.evaluation.splits import Rows
from puntual.features import history, route, timetable
from puntual.features.from_frame import keys_of, operations_of
from puntual.features.history import History
from puntual.features.keys import Keys
from puntual.features.route import Vocabulary
from puntual.features.spec import Group, Known, on_grid
from puntual.features.timetable import Timetable
from puntual.features.vector import BITS as CONGESTION_BITS
from puntual.features.vector import FEATURES, Lookups, Matrix, columns_of, vectorise
from puntual.flights.arrays import Columns
from puntual.flights.flight import LateRule
from puntual.flights.schema import bands_of, delay_minutes

HISTORY_COLUMNS = columns_of(Group.HISTORY)
CONGESTION_COLUMNS = columns_of(Group.CONGESTION)
STATES = ("full", "without_history", "typical_without_history")
# The share of flights shown to training with a typical timetable, and that with a history closed days before.
_TYPICAL_SHARE, _LAGGED_SHARE = 0.15, 0.15
_LONGEST_LAG = history.WINDOWS[-1]


@dataclass(frozen=True)
class Dataset:
    """Operated flights, sorted by scheduled departure, with all that training asks of them.

    `taught_by` are the positions from which the vocabulary and the typical week are learnt.
    """

    flights: pl.DataFrame
    rule: LateRule
    taught_by: Rows
    seed: int = 0
    keys: Keys = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", keys_of(self.flights))

    @cached_property
    def bands(self) -> NDArray[np.int8]:
        """The band of each flight, shape (n,)."""
        return bands_of(self.flights, self.rule)

    @cached_property
    def delay(self) -> NDArray[np.float64]:
        """Minutes of delay, shape (n,), NaN where cancelled."""
        return delay_minutes(self.flights)

    @property
    def late(self) -> NDArray[np.bool_]:
        """Which flights are late, shape (n,)."""
        return self.bands > 0

    @cached_property
    def operations(self) -> Columns:
        """The operations as rows of counts."""
        return operations_of(self.flights, self.rule)

    @cached_property
    def history(self) -> History:
        """The history of the whole table; each flight asks it only for the days before its own."""
        return history.build_history(self.operations)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The codes of airlines and airports."""
        return route.learn_vocabulary(self.keys.take(self.taught_by))

    @cached_property
    def usual(self) -> Columns:
        """The usual departures of a week."""
        return timetable.usual_departures(self.keys.take(self.taught_by))

    @cached_property
    def typical(self) -> Timetable:
        """The typical week."""
        return timetable.typical_timetable(self.usual)

    @cached_property
    def full(self) -> Matrix:
        """Vectors with the day's timetable and the history to the day before, shape (n, columns)."""
        known = timetable.known_timetable(self.keys)
        lookups = Lookups(self.vocabulary, self.typical, self.history)
        return vectorise(self.keys, lookups, known, np.ones(len(self.keys), bool), self.keys.day)

    def state(self, name: str, rows: Rows) -> Matrix:
        """Give the vectors of some flights in one state of knowledge."""
        matrix = self.full[rows]
        if name != "full":
            matrix[:, HISTORY_COLUMNS] = np.nan
        if name == "typical_without_history":
            matrix[:, CONGESTION_COLUMNS] = self._typical_congestion(rows)
        return matrix

    def taught(self, rows: Rows) -> Matrix:
        """Give vectors with history as training shows them: some with a typical timetable, some a stale close."""
        matrix = self.full[rows]
        chance = np.random.default_rng(self.seed)
        typical = np.flatnonzero(chance.random(len(rows)) < _TYPICAL_SHARE)
        lagged = np.flatnonzero(chance.random(len(rows)) < _LAGGED_SHARE)
        matrix[np.ix_(typical, CONGESTION_COLUMNS)] = self._typical_congestion(rows[typical])
        keys = self.keys.take(rows[lagged])
        closed = keys.day - chance.integers(1, _LONGEST_LAG, len(lagged))
        matrix[np.ix_(lagged, HISTORY_COLUMNS)] = self.history.features(keys, closed)
        return matrix

    def taught_without_history(self, rows: Rows) -> Matrix:
        """Give vectors without history, half of them with a typical timetable."""
        matrix = self.state("without_history", rows)
        typical = np.flatnonzero(np.random.default_rng(self.seed + 1).random(len(rows)) < 0.5)
        matrix[np.ix_(typical, CONGESTION_COLUMNS)] = self._typical_congestion(rows[typical])
        return matrix

    def outcomes(self, rows: Rows) -> Outcomes:
        """Give what happened to some flights."""
        return Outcomes(self.bands[rows], self.delay[rows], self.keys.day[rows].astype(np.int32))

    def _typical_congestion(self, rows: Rows) -> Matrix:
        return on_grid(self.typical.congestion(self.keys.take(rows)), CONGESTION_BITS)


def columns_without(excluded: tuple[str, ...], known: Known) -> NDArray[np.intp]:
    """Give the columns known by then, leaving out the excluded."""
    places = (
        place
        for place, feature in enumerate(FEATURES)
        if feature.name not in excluded and feature.known <= known
    )
    return np.fromiter(places, np.intp)
