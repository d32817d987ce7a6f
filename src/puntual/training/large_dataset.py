"""A dataset that is too large to be held at once: texts as categories, numbers mapped, the past airport by airport.

History and timetable of a flight ask for the flights of its own airport, and of the network nothing but daily counts.
So they are laid out for some airports at a time, and the vectors are those of the whole table to the bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows
from puntual.features import history, timetable
from puntual.features.flight_keys import Days, Keys
from puntual.features.from_frame import operations_of
from puntual.features.history import COUNTS, WINDOWS, History
from puntual.features.vector import COLUMNS, Lookups, Matrix, vectorise
from puntual.flights.arrays import Columns
from puntual.flights.schema import bands_of, delay_minutes
from puntual.storage import scratch
from puntual.training.dataset import NOTHING_LEARNT, Dataset
from puntual.training.large_keys import as_text, keys_in_chunks
from puntual.training.live_vectors import LiveFlights

# Flights of the airports whose past is laid out together, unless one has more.
_PART = 1_000_000
# A departure may be a week behind its schedule.
_DAYS_KNOWN = max(WINDOWS) + 15


@dataclass(frozen=True)
class LargeDataset(Dataset):
    """Operated flights whose texts are of Polars' kind Enum, sorted by scheduled departure."""

    def __post_init__(self) -> None:
        """Take the keys chunk by chunk."""
        object.__setattr__(self, "keys", keys_in_chunks(self.flights))

    @cached_property
    def bands(self) -> NDArray[np.int8]:
        """The band of each flight, shape (n,)."""
        bands = scratch.empty_line(len(self.keys), np.int8)
        for part in scratch.chunks(len(bands)):
            bands[part] = bands_of(self.flights[part], self.rule)
        return bands

    @cached_property
    def delay(self) -> NDArray[np.float64]:
        """Minutes of delay, shape (n,), NaN where cancelled."""
        delay = scratch.empty_line(len(self.keys), np.float64)
        for part in scratch.chunks(len(delay)):
            delay[part] = delay_minutes(self.flights[part])
        return delay

    @cached_property
    def strata(self) -> NDArray[np.int64]:
        """The airport and month of each flight, numbered, shape (n,)."""
        numbers = Dataset.strata.func(self)
        return scratch.held(numbers)

    @property
    def operations(self) -> Columns:
        """The operations that the closing history reaches, as rows of counts."""
        scheduled = pl.col("scheduled_departure")
        reached = self.flights.filter(scheduled >= scheduled.max() - timedelta(days=_DAYS_KNOWN))
        return operations_of(as_text(reached), self.rule)

    @cached_property
    def live(self) -> LiveFlights:
        """What was known of the flights as their days unfolded."""
        return LiveFlights(self.keys, as_text(self.flights), self.rule, self.weather)

    @cached_property
    def uncoded(self) -> Matrix:
        """Vectors with the day's timetable and the history to the day before, all codes 0, shape (n, columns)."""
        matrix = scratch.empty(len(self.keys), len(COLUMNS))
        for past, part in zip(self._histories, self._parts(), strict=True):
            known = timetable.known_timetable(self.keys.take(part))
            lookups = Lookups(NOTHING_LEARNT, known, past)
            for chunk in scratch.chunks(len(part)):
                keys = self.keys.take(part[chunk])
                everything = np.ones(len(keys), bool)
                matrix[part[chunk]] = vectorise(keys, lookups, known, everything, keys.day)
        return matrix

    def past(self, keys: Keys, closed: Days) -> NDArray[np.float64]:
        """Give the features of the history of some of the flights, known before day `closed`, shape (n, 60)."""
        features = np.empty((len(keys), len(history.FEATURES)))
        part = self._part_of_origin[keys.origin.positions]
        for number, past in enumerate(self._histories):
            own = np.flatnonzero(part == number)
            if len(own):
                features[own] = past.features(keys.take(own), closed[own])
        return features

    @cached_property
    def _part_of_origin(self) -> NDArray[np.int64]:
        """Number the parts: airports one after another, until they have enough flights."""
        flights = np.bincount(self.keys.origin.positions, minlength=len(self.keys.origin.values))
        begun = np.cumsum(flights) - flights
        return np.unique(begun // _PART, return_inverse=True)[1]

    def _parts(self) -> Iterator[Rows]:
        part = self._part_of_origin[self.keys.origin.positions]
        for number in range(int(self._part_of_origin.max()) + 1):
            yield np.flatnonzero(part == number)

    @cached_property
    def _histories(self) -> tuple[History, ...]:
        """The history of each part, its network being that of all."""
        network = self._network()
        return tuple(self._history_of(rows, network) for rows in self._parts())

    def _history_of(self, rows: Rows, network: dict[int, NDArray[np.int64]]) -> History:
        operations = operations_of(as_text(self.flights[rows]), self.rule)
        elsewhere = {day: counts.copy() for day, counts in network.items()}
        for day, counts in _daily(operations):
            elsewhere[day] -= counts
        days = np.array([*elsewhere], np.int64)
        sums = np.array([*elsewhere.values()], np.int64)
        named = self.keys.take(rows) if self.keys.unknown is None else None
        outside = {"day": days, **dict(zip(COUNTS, sums.T, strict=True))}
        return history.build_history(operations, named, outside)

    def _network(self) -> dict[int, NDArray[np.int64]]:
        """Sum the counts of all operations by the day on which they became known."""
        sums: dict[int, NDArray[np.int64]] = {}
        for part in scratch.chunks(len(self.keys)):
            for day, counts in _daily(operations_of(as_text(self.flights[part]), self.rule)):
                sums[day] = sums[day] + counts if day in sums else counts
        return dict(sorted(sums.items()))


def _daily(operations: Columns) -> Iterator[tuple[int, NDArray[np.int64]]]:
    days, place = np.unique(operations["day"], return_inverse=True)
    sums = np.zeros((len(days), len(COUNTS)), np.int64)
    np.add.at(sums, place, np.column_stack([operations[name] for name in COUNTS]))
    yield from zip(days.tolist(), sums, strict=True)
