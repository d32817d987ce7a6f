"""Flights as matrices: under each condition of knowledge, and as the experts are fitted on them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.evaluation import Outcomes
from puntual.evaluation.splits import Rows
from puntual.features import history, route, timetable
from puntual.features.flight_keys import Days, Keys
from puntual.features.from_frame import keys_of, operations_of
from puntual.features.history import History
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.rotation import Turns, turns_from
from puntual.features.route import Vocabulary
from puntual.features.spec import Group, Known
from puntual.features.states import STATES, Condition, State
from puntual.features.timetable import Timetable
from puntual.features.vector import (
    CODE_COLUMNS,
    COLUMNS,
    FEATURES,
    Lookups,
    Matrix,
    codes_of,
    columns_of,
    hide_unknown,
    on_grid,
    vectorise,
)
from puntual.flights.arrays import Columns
from puntual.flights.flight import LateRule
from puntual.flights.operations import Minutes
from puntual.flights.schema import bands_of, delay_minutes, has_operation
from puntual.prediction.calibration import recent_rates
from puntual.reporting.training_result import Rate
from puntual.storage import scratch
from puntual.training.live_vectors import LiveFlights

HISTORY_COLUMNS = columns_of(Group.HISTORY)
CONGESTION_COLUMNS = columns_of(Group.CONGESTION)
_LONGEST_LAG = history.WINDOWS[-1]
# The codes of a vector are those of who learns; until then each is 0.
NOTHING_LEARNT = Vocabulary({kind: {} for kind in route.CODED})


@dataclass(frozen=True)
class Dataset:
    """Operated flights, sorted by scheduled departure, with all that is true of them whoever learns from them."""

    flights: pl.DataFrame
    rule: LateRule
    seed: int = 0
    weather: pl.DataFrame | None = None
    # What `uncoded` gives, where others have made it.
    made: Matrix | None = field(default=None, repr=False, compare=False)
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
        operated = np.flatnonzero(has_operation(self.flights).to_numpy())
        # What stands in the place of something unknown is another in keys than in operations.
        named = self.keys.take(operated) if self.keys.unknown is None else None
        return history.build_history(self.operations, named)

    @cached_property
    def live(self) -> LiveFlights:
        """What was known of the flights as their days unfolded."""
        return LiveFlights(self.keys, self.flights, self.rule, self.weather)

    @cached_property
    def timetable(self) -> Timetable:
        """The timetable of all days of the table."""
        return timetable.known_timetable(self.keys)

    @cached_property
    def uncoded(self) -> Matrix:
        """Vectors with the day's timetable and the history to the day before, all codes 0, shape (n, columns)."""
        if self.made is not None:
            return self.made
        return self.uncoded_of(self.keys, scratch.empty(len(self.keys), len(COLUMNS)))

    @cached_property
    def strata(self) -> NDArray[np.int64]:
        """The airport and month of each flight, numbered, shape (n,)."""
        months = self.keys.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return scratch.held(months * len(self.keys.origin.values) + self.keys.origin.positions)

    def uncoded_of(self, keys: Keys, matrix: Matrix | None = None) -> Matrix:
        """Make these vectors of some of the flights alone, by their keys, in a matrix that may be given."""
        lookups = Lookups(NOTHING_LEARNT, self.timetable, self.history)
        return vectorise(keys, lookups, self.timetable, np.ones(len(keys), bool), keys.day, matrix)

    def past(self, keys: Keys, closed: Days) -> NDArray[np.float64]:
        """Give the features of the history of some of the flights, known before day `closed`, shape (n, 60)."""
        return self.history.features(keys, closed)

    def late_rates(self) -> dict[str, tuple[Rate, ...]]:
        """Count flights and late rate by hour and month, in order, and by airline and destination, most flights first.

        A flight whose airline is unknown counts for none.
        """
        scheduled, late = pl.col("scheduled_departure"), pl.Series("late", self.late)
        named = {
            "hour": scheduled.dt.strftime("%H"),
            "airline": pl.col("airline").cast(pl.String),
            "destination": pl.col("destination").cast(pl.String),
            "month": scheduled.dt.strftime("%Y-%m"),
        }
        return {
            kind: _rates(self.flights.select(name.alias(kind), late), kind) for kind, name in named.items()
        }

    def outcomes(self, rows: Rows) -> Outcomes:
        """Give what happened to some flights."""
        return Outcomes(self.bands[rows], self.delay[rows], self.keys.day[rows].astype(np.int32))

    def learn(self, rows: Rows) -> "TrainingVectors":
        """Give the vectors of all flights by what is learnt from some, which stand before a fold's cut-off."""
        return TrainingVectors(self, rows)


@dataclass(frozen=True)
class TrainingVectors:
    """The vectors of a dataset's flights, their vocabulary and typical week learnt from `learnt_from` alone.

    Unless they are made `at_once` for all flights, what is asked for is made alone, and nothing of it is held.
    """

    dataset: Dataset
    learnt_from: Rows
    at_once: bool = True

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The codes of airlines and airports."""
        return route.learn_vocabulary(self._learnt_keys())

    @cached_property
    def usual_departures(self) -> Columns:
        """The usual departures of a week."""
        return timetable.usual_departures(self._learnt_keys())

    def _learnt_keys(self) -> Keys:
        rows: Any = self.learnt_from
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            # They follow on each other, as before a cut-off: nothing has to be copied.
            rows = slice(rows[0], rows[-1] + 1)
        return self.dataset.keys.take(rows)

    @cached_property
    def typical(self) -> Timetable:
        """The typical week."""
        return timetable.typical_timetable(self.usual_departures)

    def full(self, rows: Rows) -> Matrix:
        """Give vectors with the day's timetable and the history to the day before, shape (rows, columns)."""
        if not self.at_once:
            return scratch.fill(len(rows), len(COLUMNS), lambda part: self._full(rows[part]))
        matrix, made, vocabulary = (
            scratch.empty(len(rows), len(COLUMNS)),
            self.dataset.uncoded,
            self.vocabulary,
        )

        def copy(part: slice) -> None:
            # `clip` spares a second copy; no row is out of reach.
            made.take(rows[part], axis=0, out=matrix[part], mode="clip")
            _add_codes(matrix[part], self.dataset.keys.take(rows[part]), vocabulary)

        scratch.in_shares(len(rows), copy)
        return matrix

    def recent_rates(self, rows: Rows) -> NDArray[np.float64]:
        """Give the late rates of their airports by window, as `calibration.recent_rates` does, shape (rows, 4)."""
        return np.concatenate([recent_rates(self._full(rows[part])) for part in scratch.chunks(len(rows))])

    def _full(self, rows: Rows) -> Matrix:
        keys = self.dataset.keys.take(rows)
        matrix = self.dataset.uncoded[rows] if self.at_once else self.dataset.uncoded_of(keys)
        return _add_codes(matrix, keys, self.vocabulary)

    @cached_property
    def turns(self) -> Columns:
        """The usual turn-rounds of aircraft."""
        return self.dataset.live.learn_turns(self.learnt_from)

    def live(self, rows: Rows, horizon: Minutes | int, hidden: NDArray[np.bool_] | None = None) -> Matrix:
        """Give vectors as they were so many minutes before the schedule, shape (rows, all columns).

        Of those that `hidden` marks the tail is not known.
        """
        ahead = np.broadcast_to(horizon, len(rows))
        known, turns = np.zeros(len(rows), bool) if hidden is None else hidden, turns_from(self.turns)
        return scratch.fill(
            len(rows),
            len(ALL_COLUMNS),
            lambda part: self._live(rows[part], ahead[part], turns, known[part]),
        )

    def _live(self, rows: Rows, horizon: Minutes, turns: Turns, hidden: NDArray[np.bool_]) -> Matrix:
        matrix, keys = self._full(rows), self.dataset.keys.take(rows)
        closed = self.dataset.live.days_of(rows, horizon)
        # The evening before may lie after the cut-off.
        earlier = np.flatnonzero(closed < keys.day)
        past = self.dataset.past(keys.take(earlier), closed[earlier])
        matrix[np.ix_(earlier, HISTORY_COLUMNS)] = on_grid(past, HISTORY_COLUMNS)
        now = self.dataset.live.columns(rows, horizon, turns, hidden)
        return np.hstack([hide_unknown(matrix, keys), now])

    def under(self, condition: Condition, rows: Rows) -> Matrix:
        """Give the vectors of some flights under one condition of knowledge."""
        return scratch.fill(len(rows), len(COLUMNS), lambda part: self._under(condition, rows[part]))

    def _under(self, condition: Condition, rows: Rows) -> Matrix:
        matrix = self._without_later_than(condition.state, rows)
        if condition.typical:
            matrix[:, CONGESTION_COLUMNS] = self._typical_congestion(rows)
        return hide_unknown(matrix, self.dataset.keys.take(rows))

    def for_fitting(self, state: State, rows: Rows) -> Matrix:
        """Give vectors as a state's expert is fitted on: some with a typical timetable, some with a stale close."""
        chance = np.random.default_rng(self.dataset.seed + STATES.index(state))
        typical = chance.random(len(rows)) < state.typical_share
        lag = np.zeros(len(rows), np.int64)
        if state.lagged_share:
            lagged = np.flatnonzero(chance.random(len(rows)) < state.lagged_share)
            lag[lagged] = chance.integers(1, _LONGEST_LAG, len(lagged))
        return scratch.fill(
            len(rows),
            len(COLUMNS),
            lambda part: self._for_fitting(state, rows[part], typical[part], lag[part]),
        )

    def _for_fitting(self, state: State, rows: Rows, is_typical: NDArray[np.bool_], lag: Days) -> Matrix:
        matrix = self._without_later_than(state, rows)
        typical, lagged = np.flatnonzero(is_typical), np.flatnonzero(lag)
        matrix[np.ix_(typical, CONGESTION_COLUMNS)] = self._typical_congestion(rows[typical])
        keys = self.dataset.keys.take(rows)
        late = keys.take(lagged)
        past = self.dataset.past(late, late.day - lag[lagged])
        matrix[np.ix_(lagged, HISTORY_COLUMNS)] = on_grid(past, HISTORY_COLUMNS)
        return hide_unknown(matrix, keys)

    def _without_later_than(self, state: State, rows: Rows) -> Matrix:
        matrix = self._full(rows)
        matrix[:, state.hidden] = np.nan
        return matrix

    def _typical_congestion(self, rows: Rows) -> Matrix:
        return on_grid(self.typical.congestion(self.dataset.keys.take(rows)), CONGESTION_COLUMNS)


def _add_codes(matrix: Matrix, keys: Keys, vocabulary: Vocabulary) -> Matrix:
    """Write the codes of n flights into their vectors, in place."""
    matrix[:, CODE_COLUMNS] = codes_of(keys, vocabulary)
    return hide_unknown(matrix, keys)


def columns_without(excluded: tuple[str, ...], known: Known) -> NDArray[np.intp]:
    """Give the columns known by then, leaving out the excluded."""
    places = (
        place
        for place, feature in enumerate(FEATURES)
        if feature.name not in excluded and feature.known <= known
    )
    return np.fromiter(places, np.intp)


def _rates(named: pl.DataFrame, kind: str) -> tuple[Rate, ...]:
    counted = named.drop_nulls(kind).group_by(kind).agg(pl.len().alias("flights"), pl.col("late").mean())
    by_size = kind in {"airline", "destination"}
    order = counted.sort("flights", kind, descending=[True, False]) if by_size else counted.sort(kind)
    return tuple(
        Rate(name=name, flights=flights, late_rate=rate) for name, flights, rate in order.iter_rows()
    )
