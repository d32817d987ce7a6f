"""What recurs from flight to flight: made once for each key that decides it, and copied into the rows of all others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from puntual.features import kernel
from puntual.features.flight_keys import FEW, view
from puntual.features.numbering import Numbering


@dataclass(frozen=True, slots=True)
class Recurring:
    """Features that a key of some `kind` decides: where they stand, how those of a flight are made, and the made ones."""

    kind: int
    column: int
    make: kernel.Maker
    made: dict[int, kernel.Values]


class Copies(NamedTuple):
    """Rows of features, shape (distinct, features), and which of them is that of each flight, shape (n,)."""

    values: NDArray[np.float64]
    places: NDArray[np.int32]


def writer_of(
    flights: kernel.Flights, count: int, kinds: Sequence[Recurring]
) -> Callable[[int, NDArray[np.float64]], None]:
    """Give what writes the recurring features of the flights from a start on into rows, from any thread.

    Of many flights the keys are numbered first; of few, each is looked up as it comes.
    """
    if count <= FEW:
        return lambda start, rows: _write_each(flights, kinds, start, rows)
    copies = [(one.column, _copies(flights, count, one)) for one in kinds]

    def write(start: int, rows: NDArray[np.float64]) -> None:
        for column, (values, places) in copies:
            kernel.copy_rows(view(values), view(places), start, view(rows), column)

    return write


def _write_each(
    flights: kernel.Flights, kinds: Sequence[Recurring], start: int, rows: NDArray[np.float64]
) -> None:
    for one in kinds:
        kernel.fill_recurring(flights, one.kind, one.make, one.made, start, view(rows), one.column)


def _copies(flights: kernel.Flights, count: int, one: Recurring) -> Copies:
    keys = np.empty(count, np.uint64)
    kernel.all_keys(flights, one.kind, view(keys))
    numbering = Numbering()
    places = numbering.add(keys)
    example = np.empty(len(numbering.ids), np.intp)
    example[places] = np.arange(count)
    return Copies(np.array([one.make(flight) for flight in example.tolist()]), places)
