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
from puntual.flights.schema import as_text, bands_of, delay_minutes
from puntual.storage import scratch
from puntual.training.dataset import NOTHING_LEARNT, Dataset
from puntual.training.large_keys import keys_in_chunks
from puntual.training.live_vectors import LiveFlights


@dataclass(frozen=True, slots=True)
class AirportsPart:
    """The places of the flights of some airports, and what all others count in the network by day."""

    rows: Rows
    elsewhere: Columns


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
        if self.made is not None:
            return self.made
        matrix = scratch.empty(len(self.keys), len(COLUMNS))
        for past, rows in zip(self._histories, self._rows_of_parts(), strict=True):
            known = timetable.known_timetable(self.keys.take(rows))
            lookups = Lookups(NOTHING_LEARNT, known, past)
            for chunk in scratch.chunks(len(rows)):
                keys = self.keys.take(rows[chunk])
                everything = np.ones(len(keys), bool)
                matrix[rows[chunk]] = vectorise(keys, lookups, known, everything, keys.day)
        return matrix

    def parts(self) -> Iterator[AirportsPart]:
        """Give the flights of some airports after those of others."""
        network = self._network
        for rows in self._rows_of_parts():
            elsewhere = {day: counts.copy() for day, counts in network.items()}
            for chunk in scratch.chunks(len(rows)):
                for day, counts in _daily(self._operations_of(rows[chunk])):
                    elsewhere[day] -= counts
            sums = np.array([*elsewhere.values()], np.int64)
            days = np.array([*elsewhere], np.int64)
            yield AirportsPart(rows, {"day": days, **dict(zip(COUNTS, sums.T, strict=True))})

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
        part: NDArray[np.int64] = np.unique(begun // _PART, return_inverse=True)[1]
        return part

    def _rows_of_parts(self) -> Iterator[Rows]:
        part = self._part_of_origin[self.keys.origin.positions]
        for number in range(int(self._part_of_origin.max()) + 1):
            yield np.flatnonzero(part == number)

    @cached_property
    def _histories(self) -> tuple[History, ...]:
        """The history of each part, its network being that of all."""
        return tuple(map(self._history_of, self.parts()))

    def _history_of(self, part: AirportsPart) -> History:
        named = self.keys.take(part.rows) if self.keys.unknown is None else None
        return history.build_history(self._operations_of(part.rows), named, part.elsewhere)

    def _operations_of(self, rows: Rows | slice) -> Columns:
        return operations_of(as_text(self.flights[rows]), self.rule)

    @cached_property
    def _network(self) -> dict[int, NDArray[np.int64]]:
        """Sum the counts of all operations by the day on which they became known."""
        sums: dict[int, NDArray[np.int64]] = {}
        for part in scratch.chunks(len(self.keys)):
            for day, counts in _daily(self._operations_of(part)):
                sums[day] = sums[day] + counts if day in sums else counts
        return dict(sorted(sums.items()))


def _daily(operations: Columns) -> Iterator[tuple[int, NDArray[np.int64]]]:
    days, place = np.unique(operations["day"], return_inverse=True)
    sums = np.zeros((len(days), len(COUNTS)), np.int64)
    np.add.at(sums, place, np.column_stack([operations[name] for name in COUNTS]))
    yield from zip(days.tolist(), sums, strict=True)
