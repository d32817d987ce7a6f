"""The airline's own revised times of departure: the latest one, its age, how often and how far it was moved."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Ids
from puntual.features.moments import EventLine, line_of
from puntual.features.spec import Feature, Group, Known
from puntual.flights.operations import Minutes

_MEANINGS = (
    ("slip", "minutes from the schedule to the time that is expected now"),
    ("ahead", "minutes from the cut-off to the time that is expected now"),
    ("age", "minutes since the expected time was last revised"),
    ("count", "revisions of the expected time"),
    ("moved", "minutes by which revisions moved the expected time, in all"),
)
FEATURES = tuple(
    Feature(f"revised_{name}", Group.REVISED, Known.LIVE, meaning, 0) for name, meaning in _MEANINGS
)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Revised times on one line of (flight, minute known); the others lie in its order, 0 before the first."""

    line: EventLine
    known: Minutes
    expected: Minutes

    def features(self, flight: Ids, scheduled: Minutes, cut_off: Minutes) -> NDArray[np.float64]:
        """Give what is known of the revised times of n flights in `FEATURES` order, shape (n, 5); NaN without any."""
        counts = self.line.until(flight, cut_off)
        place = np.where(counts[:, 0] > 0, self.line.before(flight) + counts[:, 0], 0)
        expected, known = self.expected[place], self.known[place]
        values = np.column_stack(
            [expected - scheduled, expected - cut_off, cut_off - known, counts[:, 0], counts[:, 1]]
        ).astype(np.float64)
        values[counts[:, 0] == 0] = np.nan
        return values


def revisions_of(flight: Ids, scheduled: Minutes, known: Minutes, expected: Minutes) -> Revisions:
    """Lay n revisions out: of which flight, its schedule, when each was known and what it expects; shapes (n,)."""
    order = np.lexsort([known, flight])
    flight = flight[order]
    scheduled, known, expected = scheduled[order], known[order], expected[order]
    before = np.r_[0, expected[:-1]]
    is_first = np.r_[True, flight[1:] != flight[:-1]][: len(flight)]
    moved = np.abs(expected - np.where(is_first, scheduled, before[: len(flight)]))
    counts = np.column_stack([np.ones_like(moved), moved])
    return Revisions(line_of(flight, known, counts), np.r_[0, known], np.r_[0, expected])
