"""What vectors are made of: the keys of flights, in a table or one by one, and what their features are looked up in."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from puntual.features import history, timetable
from puntual.features.flight_keys import Days, Keys, keys_of_flights
from puntual.features.timetable import Timetable
from puntual.features.vector import Lookups
from puntual.flights.arrays import Columns
from puntual.flights.flight import Flight, LateRule, Target

if TYPE_CHECKING:
    import polars as pl

# A day's timetable is taken as known when the flights to predict are most of a usual day's.
_MOST_OF_A_DAY = 0.8
_EPOCH = date(1970, 1, 1)


class FlightInputs(NamedTuple):
    """What `vectorise` takes, in its order: n keys, lookups, a timetable, for whom it is known, and closing days."""

    keys: Keys
    lookups: Lookups
    known: Timetable
    is_known: NDArray[np.bool_]
    closed: Days


@dataclass(frozen=True, slots=True)
class FlightReader:
    """Reads flights as a model learnt them: its rule and target, the fields it is without, its unlisted airports."""

    late_rule: LateRule
    target: Target
    absent: tuple[str, ...]
    unlisted: dict[str, str]

    def inputs(
        self,
        flights: "pl.DataFrame | Iterable[Flight]",
        lookups: Lookups,
        as_of: datetime | None,
        past: "pl.DataFrame | None",
        timetable_of: "pl.DataFrame | None",
        elsewhere: Columns | None = None,
    ) -> FlightInputs:
        """Put together what is known of flights the day before, or before `as_of`, as `Predictor.predict` says."""
        keys = self._keys(flights)
        lookups = lookups if past is None else self.with_past(lookups, past, elsewhere)
        if timetable_of is not None:
            known = timetable.known_timetable(self._keys(timetable_of))
            is_known = known.departures_of_the_day(keys) > 0
        else:
            known = timetable.known_timetable(keys)
            usual = lookups.typical.departures_of_the_day(keys)
            is_known = (usual > 0) & (known.departures_of_the_day(keys) >= _MOST_OF_A_DAY * usual)
        # Each flight's own day, or that of the cut-off if earlier.
        closed = keys.day if as_of is None else np.minimum(keys.day, (as_of.date() - _EPOCH).days)
        return FlightInputs(keys, lookups, known, is_known, closed)

    def with_past(self, lookups: Lookups, past: "pl.DataFrame", elsewhere: Columns | None = None) -> Lookups:
        """Look history up in past flights."""
        return replace(lookups, history=self._history(past, elsewhere))

    def _keys(self, flights: "pl.DataFrame | Iterable[Flight]") -> Keys:
        if not _is_table(flights):
            return keys_of_flights(cast("Iterable[Flight]", flights), self.unlisted).without(self.absent)
        from puntual.features.from_frame import canonical, keys_of

        return keys_of(canonical(flights)).without(self.absent)

    def _history(self, past: "pl.DataFrame", elsewhere: Columns | None) -> history.History:
        from puntual.features.from_frame import canonical, operations_of, require_target

        require_target(past, self.target)
        operations = operations_of(canonical(past), self.late_rule)
        return history.build_history(operations, elsewhere=elsewhere)


def _is_table(flights: object) -> "TypeGuard[pl.DataFrame]":
    # Whoever has a table of Polars has imported it; it is not imported to find out.
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(flights, polars.DataFrame)
