"""Past flights as they looked at cut-offs before their schedule: what live experts learn from and are scored on."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows
from puntual.features import live, rotation, weather
from puntual.features.flight_keys import Days, Keys
from puntual.features.live import Traffic
from puntual.features.live_vector import DayKnowledge, live_columns
from puntual.features.moments import MINUTES_A_DAY, CutOffs
from puntual.features.rotation import Legs, Turns
from puntual.features.vector import Matrix
from puntual.features.weather import WeatherLine
from puntual.flights.arrays import Columns
from puntual.flights.flight import BAND_COUNT, LateRule
from puntual.flights.operations import Minutes, Operations
from puntual.sources.observed import observations_of, offsets_of, operations_of_table

# Of each band this share of flights is shown without a tail, so that a missing one says nothing of the outcome.
TAILS_HIDDEN = 1 / 3


@dataclass(frozen=True)
class LiveFlights:
    """The operations of a table of flights, and the weather where there is any, as they became known.

    `flights` have `schema.SCHEMA`, and `arrived` where the source tells it; `observed` is what `sources.observed` makes
    of weather.
    """

    keys: Keys
    flights: pl.DataFrame
    rule: LateRule
    observed: pl.DataFrame | None = None

    @cached_property
    def operations(self) -> Operations:
        """What happened to each flight, and when it became known."""
        return operations_of_table(self.flights, self.rule)

    @cached_property
    def previous(self) -> NDArray[np.intp]:
        """Each flight's previous leg, -1 where there is none."""
        return rotation.previous_of(self.operations)

    @cached_property
    def traffic(self) -> Traffic:
        """What airports looked like at any minute."""
        return live.traffic_of(self.keys, self.operations)

    @cached_property
    def weather(self) -> WeatherLine | None:
        """The weather that was known at any minute."""
        return None if self.observed is None else weather.weather_of(observations_of(self.observed))

    @cached_property
    def offsets(self) -> Minutes:
        """How far the clocks of each flight's origin are ahead of UTC."""
        return offsets_of(self.flights, self.operations.scheduled)

    def without(self, *hidden: str) -> "LiveFlights":
        """Hide `tails` or `weather`."""
        flights = (
            self.flights.with_columns(tail=pl.lit(None, pl.String)) if "tails" in hidden else self.flights
        )
        return replace(self, flights=flights, observed=None if "weather" in hidden else self.observed)

    def learn_turns(self, rows: Rows) -> Columns:
        """Learn the usual turn-rounds from some flights."""
        return rotation.learn_turns(self.keys, self.operations, rows)

    def is_waiting(self, rows: Rows, horizon: Minutes | int) -> NDArray[np.bool_]:
        """Tell which flights were not known to be gone so many minutes before their schedule."""
        gone = np.minimum(self.operations.left[rows], self.operations.cancelled_known[rows])
        waiting: NDArray[np.bool_] = gone > self.operations.scheduled[rows] - horizon
        return waiting

    def days_of(self, rows: Rows, horizon: Minutes | int) -> Days:
        """Give the day at the origin (since 1970) that it was so many minutes before the schedule of some flights."""
        clock = self.operations.scheduled[rows] - horizon + self.offsets[rows]
        days: Days = clock // MINUTES_A_DAY
        return days

    def legs(self, rows: Rows) -> Legs:
        """Give the previous legs of some flights."""
        return rotation.legs_of(rows, self.previous, self.keys, self.operations)

    def columns(
        self, rows: Rows, horizon: Minutes | int, turns: Turns, hidden: NDArray[np.bool_] | None = None
    ) -> Matrix:
        """Give what was known of some flights so many minutes before their schedule, in `LIVE_COLUMNS` order.

        The tails of those that `hidden` marks are taken as unknown.
        """
        scheduled = self.operations.scheduled[rows]
        moments = CutOffs(
            self.keys.take(rows),
            scheduled,
            scheduled - horizon,
            self.offsets[rows],
            np.ones(len(rows), bool),
        )
        legs = self.legs(rows)
        if hidden is not None:
            legs = replace(legs, is_there=legs.is_there & ~hidden)
        known = DayKnowledge(self.traffic, turns, self.weather)
        return live_columns(moments, legs, np.zeros(len(rows), np.uint64), known)


def hide_tails(
    tail: NDArray[np.int64], bands: NDArray[np.int8], chance: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose flights to show without a tail, so that as many of each band are without one; shape (n,).

    In a record, flights without a tail may all be cancelled ones; then as many of every band are hidden.
    """
    missing = tail < 0
    shares = [
        float(missing[bands == band].mean()) if (bands == band).any() else 0.0 for band in range(BAND_COUNT)
    ]
    target = max(TAILS_HIDDEN, *shares)
    hidden = missing.copy()
    for band, share in enumerate(shares):
        rows = np.flatnonzero((bands == band) & ~missing)
        if share < 1:
            hidden[rows] = chance.random(len(rows)) < (target - share) / (1 - share)
    return hidden
