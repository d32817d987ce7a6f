"""Where the aircraft is: its previous legs, whether they left and landed, and the slack that is left of its turn-round.

The legs of a tail are those of the table, in the order of the timetable. A leg that leaves from here and comes back
unseen is one cycle: out, back and turned round.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Ids, Keys, combine
from puntual.features.spec import Feature, Group, Known
from puntual.flights.arrays import Columns, grouped
from puntual.flights.operations import NEVER, Minutes, Operations

# Legs further back than this were flown by an aircraft that has stood overnight since.
LONGEST_GAP = 18 * 60
# Of so many turn-rounds the usual one is learnt, as that which one in four is shorter than.
FEWEST_TURNS, QUICK = 8, 0.25
_MEANINGS = (
    ("gap", "minutes from the schedule of the aircraft's previous leg to this one's", 0),
    ("slack", "planned gap less the usual time from one departure to the next", 0),
    ("delay", "delay of the previous leg, or minutes overdue", 0),
    ("gone", "whether the previous leg has left", 0),
    ("cancelled", "whether the previous leg is known to be cancelled", 0),
    ("ready", "minutes from when the aircraft can leave again to the schedule, as far as is known", 0),
    ("landed", "minutes since the previous leg landed", 0),
    ("arrival_delay", "delay at which the previous leg landed", 0),
    ("second_gap", "minutes from the schedule of the leg before that to the previous leg's", 0),
    ("second_delay", "delay of the leg before that, or minutes overdue", 0),
)
FEATURES = tuple(
    Feature(f"rotation_{name}", Group.PREVIOUS_LEG, Known.LIVE, meaning, bits)
    for name, meaning, bits in _MEANINGS
)


@dataclass(frozen=True, slots=True)
class Turns:
    """The usual minutes from departure to departure, and from landing to departure, by the legs' three airports."""

    legs: Ids
    cycle: NDArray[np.float64]
    ground: NDArray[np.float64]

    def of(self, legs: Ids) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give n pairs of legs their usual cycle and turn-round, NaN where too few were seen."""
        if not len(self.legs):
            return np.full(len(legs), np.nan), np.full(len(legs), np.nan)
        place = np.minimum(self.legs.searchsorted(legs), len(self.legs) - 1)
        known = self.legs[place] == legs
        return np.where(known, self.cycle[place], np.nan), np.where(known, self.ground[place], np.nan)


NO_TURNS = Turns(np.empty(0, np.uint64), np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class Legs:
    """The previous legs of n flights: operations of the last leg and the one before it, and the kind of turn-round.

    `is_there` and `second_is_there` say of which flights there is one.
    """

    is_there: NDArray[np.bool_]
    previous: Operations
    second_is_there: NDArray[np.bool_]
    second: Operations
    turn: Ids

    def features(self, scheduled: Minutes, cut_off: Minutes, turns: Turns) -> NDArray[np.float64]:
        """Give what is known of the previous legs at n cut-offs in `FEATURES` order, shape (n, features)."""
        leg = self.previous
        cycle, ground = turns.of(self.turn)
        gap = (scheduled - leg.scheduled).astype(np.float64)
        has_left, has_landed = leg.left_known <= cut_off, leg.arrived_known <= cut_off
        cancelled = leg.cancelled_known <= cut_off
        out = np.where(has_left, leg.left, np.maximum(leg.scheduled, cut_off))
        ready = np.where(has_landed & (ground == ground), leg.arrived + ground, out + cycle)
        has_time = has_landed & (leg.scheduled_arrival < NEVER)
        values = np.column_stack(
            [
                gap,
                gap - cycle,
                _behind(leg, cut_off),
                has_left,
                cancelled,
                np.where(cancelled, np.nan, scheduled - ready),
                np.where(has_landed, cut_off - leg.arrived, np.nan),
                np.where(has_time, leg.arrived - leg.scheduled_arrival, np.nan),
                np.where(self.second_is_there, leg.scheduled - self.second.scheduled, np.nan),
                np.where(self.second_is_there, _behind(self.second, cut_off), np.nan),
            ]
        )
        values[~self.is_there] = np.nan
        return values

    def take(self, flights: NDArray[np.intp]) -> "Legs":
        """Keep the flights at these positions."""
        return Legs(
            self.is_there[flights],
            self.previous.take(flights),
            self.second_is_there[flights],
            self.second.take(flights),
            self.turn[flights],
        )


def previous_of(operations: Operations) -> NDArray[np.intp]:
    """Find each flight's previous leg, the last one of its tail that is scheduled before it; -1 where there is none."""
    order = np.lexsort([operations.scheduled, operations.tail])
    tail, scheduled = operations.tail[order], operations.scheduled[order]
    gap = scheduled[1:] - scheduled[:-1]
    follows = (tail[1:] == tail[:-1]) & (tail[1:] >= 0) & (gap > 0) & (gap <= LONGEST_GAP)
    previous = np.full(len(operations), -1, np.intp)
    previous[order[1:][follows]] = order[:-1][follows]
    return previous


def legs_of(
    flights: NDArray[np.intp], previous: NDArray[np.intp], keys: Keys, operations: Operations
) -> Legs:
    """Gather the previous legs of some flights of a table by what `previous_of` found."""
    first = previous[flights]
    second = np.where(first >= 0, previous[first], -1)
    return Legs(
        first >= 0,
        operations.take(first),
        second >= 0,
        operations.take(second),
        turn_ids(keys, first, flights),
    )


def turn_ids(keys: Keys, first: NDArray[np.intp], then: NDArray[np.intp]) -> Ids:
    """Name the turn-round of a leg and the next one by from where, to where and from where again."""
    return combine(keys.origin.ids[first], keys.destination.ids[first], keys.origin.ids[then])


def learn_turns(keys: Keys, operations: Operations, rows: NDArray[np.intp]) -> Columns:
    """Learn the usual turn-rounds from some flights and their previous legs among these."""
    keys, operations = keys.take(rows), operations.take(rows)
    return usual_turns(turns_flown(keys, operations, previous_of(operations)))


def turns_flown(keys: Keys, operations: Operations, previous: NDArray[np.intp]) -> Columns:
    """Give each turn-round of n flights and their previous legs, shape (turns,), from departure and from landing.

    `then` is the flight that each turn-round ends with.
    """
    has_left = operations.left < NEVER
    then = np.flatnonzero((previous >= 0) & has_left & has_left[previous])
    first = previous[then]
    cycle = (operations.left[then] - operations.left[first]).astype(np.float64)
    landed = operations.arrived[first] < NEVER
    ground = np.where(landed, operations.left[then] - operations.arrived[first], np.nan)
    return {"turn": turn_ids(keys, first, then), "cycle": cycle, "ground": ground, "then": then}


def usual_turns(flown: Columns) -> Columns:
    """Take the usual one of the turn-rounds of each kind of which there are enough, in any order."""
    ids, cycle, ground = flown["turn"], flown["cycle"], flown["ground"]
    order, begins = grouped([ids])
    groups = [rows for rows in np.split(order, begins[1:]) if len(rows) >= FEWEST_TURNS]
    return {
        "turn": np.array([ids[rows[0]] for rows in groups], np.uint64),
        "cycle": np.array([np.quantile(cycle[rows], QUICK) for rows in groups], np.float64),
        "ground": np.array([_quick(ground[rows]) for rows in groups], np.float64),
    }


def turns_from(table: Columns) -> Turns:
    """Take the turn-rounds from the table that `learn_turns` laid out."""
    return Turns(table["turn"], table["cycle"], table["ground"])


def _quick(minutes: NDArray[np.float64]) -> float:
    present = minutes[minutes == minutes]
    return float(np.quantile(present, QUICK)) if len(present) >= FEWEST_TURNS else np.nan


def _behind(leg: Operations, cut_off: Minutes) -> NDArray[np.float64]:
    """Give the delay of a leg that has left, or by how much it is overdue; NaN before its time, or when cancelled."""
    has_left = leg.left_known <= cut_off
    overdue = (leg.scheduled <= cut_off) & (leg.cancelled_known > cut_off)
    waiting = np.where(overdue, cut_off - leg.scheduled, np.nan)
    return np.where(has_left, leg.left - leg.scheduled, waiting)
