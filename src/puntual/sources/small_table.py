"""A small table of text, CSV or JSON, where no library of tables is wanted: timetables, uploads, rows of a request."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from puntual.errors import TableError, UnknownAirportError
from puntual.sources.csv_rows import read_csv_rows
from puntual.sources.json_objects import read_objects
from puntual.sources.messages import bad_value, is_empty, missing_column, no_flights, shown

_CORRECT = "correct the cell, or leave the row out"
T = TypeVar("T")


class Rows(NamedTuple):
    """The names of the columns, and the rows that are not blank, each with the line or row that it stands on."""

    header: list[str]
    unit: Literal["line", "row"]
    rows: Iterator[tuple[int, Sequence[str | None]]]


class Column(NamedTuple):
    """The distinct cells of a column, each before those that occur after it, and which of them n rows have."""

    cells: list[str]
    positions: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class SmallTable:
    """Some columns of n rows, blank rows left out and equal cells of a column kept once.

    `numbers` (n,) says where in the file each row stands.
    """

    name: str
    header: Sequence[str]
    columns: dict[str, Column]
    unit: Literal["line", "row"]
    numbers: NDArray[np.intp]

    def place(self, row: int) -> str:
        """Say where a row stands, as a person would look for it."""
        return f"{self.unit} {self.numbers[row]}"

    def read(
        self, column: str, parse: Callable[[str], T | None], expectation: str
    ) -> tuple[list[T], NDArray[np.intp]]:
        """Give what the distinct cells of a column mean, and which of it each row has.

        The first row whose cell is empty or means nothing is named by BadValueError or UnknownAirportError;
        MissingColumnError is raised where there is no such column.
        """
        if column not in self.columns:
            raise missing_column(self.name, column, self.header)
        cells, positions = self.columns[column]
        values: list[T] = []
        for position, cell in enumerate(cells):
            try:
                value = None if is_empty(cell) else parse(cell.strip())
            except UnknownAirportError as failure:
                raise UnknownAirportError(f"{self._cell(column, position)}: {failure}; correct it") from None
            if value is None:
                raise bad_value(self._cell(column, position), cell, expectation, _CORRECT)
            values.append(value)
        return values, positions

    def _cell(self, column: str, position: int) -> str:
        """Name the first cell of a column that is its `position`-th distinct one."""
        row = int((self.columns[column].positions == position).argmax())
        return f"{self.name}, {self.place(row)}, column {shown(column)}"


def read_rows(data: bytes, name: str, suffix: str) -> Rows:
    """Read a CSV or JSON table row by row; raise TableError, at once or on the way, for what cannot be read."""
    if suffix == ".csv":
        header, lines = read_csv_rows(data, name)
        return Rows(header, "line", ((number, cells) for number, cells in lines if any(cells)))
    if suffix not in (".json", ".jsonl", ".ndjson"):
        raise TableError(f"{name}: format {suffix!r} is unknown; expected .csv or .json; convert the file")
    objects = read_objects(data, name)
    header = list(dict.fromkeys(key for row in objects for key in row))
    rows = ((number, [row.get(key) for key in header]) for number, row in enumerate(objects, start=1))
    return Rows(header, "row", ((number, cells) for number, cells in rows if any(cells)))


def read_small_table(data: bytes, name: str, suffix: str, wanted: Iterable[str]) -> SmallTable:
    """Read the wanted columns of a CSV or JSON table, as far as it has them; raise TableError for one without rows."""
    header, unit, rows = read_rows(data, name, suffix)
    numbers = array("q")
    known = {
        column: (header.index(column), dict[str, int](), array("q")) for column in wanted if column in header
    }
    for number, cells in rows:
        numbers.append(number)
        for place, codes, positions in known.values():
            positions.append(codes.setdefault(cells[place] or "", len(codes)))
    if not numbers:
        raise no_flights(name)
    columns = {
        column: Column(list(codes), np.array(positions, np.intp))
        for column, (_, codes, positions) in known.items()
    }
    return SmallTable(name, header, columns, unit, np.array(numbers, np.intp))
