"""The history of a bundle, gone on with what flights did since: which of that counts, and from when on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puntual.features import history
from puntual.features.flight_keys import NAMED, Category, Keys, category
from puntual.features.history import History, OperatedFlights
from puntual.features.timetable import Timetable
from puntual.flights.arrays import Columns, grouped, take
from puntual.flights.flight import LateRule

# Of an airport's day the journal has to hold so much of what usually leaves on that weekday: a feed that was down for
# most of a day would look like a quiet one.
MOST_OF_A_DAY = 0.5


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Rows of counts that are held for long and seldom read, in as few bytes as their values take."""

    numbers: Columns
    values: Mapping[str, tuple[str, ...]]

    def unpacked(self) -> Columns:
        """Give the rows as a bundle holds them."""
        return {
            name: np.array(self.values[name], np.str_)[column]
            if name in self.values
            else column.astype(np.int64)
            for name, column in self.numbers.items()
        }


def pack(rows: Columns, named: Keys) -> PackedRows:
    """Pack rows of counts, whose flights have these keys."""
    texts: dict[str, Category] = {name: getattr(named, name) for name in NAMED}
    numbers = {**rows, **{name: text.positions for name, text in texts.items()}}
    return PackedRows(
        {name: _in_fewest_bytes(column) for name, column in numbers.items()},
        {name: text.values for name, text in texts.items()},
    )


def _in_fewest_bytes(numbers: NDArray[Any]) -> NDArray[Any]:
    least, most = (
        np.min_scalar_type(int(number)) for number in (numbers.min(initial=0), numbers.max(initial=0))
    )
    return numbers.astype(np.result_type(least, most))


@dataclass(frozen=True, slots=True)
class ClosedHistory:
    """The rows of counts that a bundle holds, the day (since 1970) until which they are whole, and how they count.

    `typical` is the bundle's typical week.
    """

    rows: PackedRows
    until: int
    rule: LateRule
    typical: Timetable

    def continued(self, operated: OperatedFlights, today: Mapping[str, int]) -> History:
        """Build the history that goes on with the flights of the airports that `today` gives the local day of.

        The bundle's own days win. Of later days those count that are over at their airport, and of whose usual flights
        most are there.
        """
        later = operated.counts(self.rule)
        airport = category(later["origin"])
        # An airport that the model has not learnt from would be a part of no network that it knows.
        day_there = np.array([today.get(code, 0) for code in airport.values], np.int64)[airport.positions]
        later = take(later, (later["day"] < day_there) & (later["day"] > self.until))
        later = take(later, self._of_whole_days(later))
        return history.build_history(history.continued(self.rows.unpacked(), self.until, later))

    def _of_whole_days(self, later: Columns) -> NDArray[np.bool_]:
        """Tell which rows are of a day of which their airport has most."""
        order, begins = grouped([later["origin"], later["day"]])
        flights = np.empty(len(order), np.int64)
        sizes = np.diff(begins, append=len(order))
        flights[order] = np.repeat(sizes, sizes)
        origin = category(later["origin"])
        usual = self.typical.departures_of_the_day(
            Keys(later["day"], later["day"], origin, origin, origin, origin)
        )
        whole: NDArray[np.bool_] = flights >= MOST_OF_A_DAY * usual
        return whole
