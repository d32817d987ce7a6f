"""A table of text for the service, which has no Polars: equal cells of a column are kept once."""

from array import array
from collections.abc import Callable, Iterable, Sequence
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


class Coded(NamedTuple):
    """The distinct cells of a column, each before those that occur after it, and which of them n rows have."""

    cells: list[str]
    positions: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class CodedTable:
    """Some columns of n rows, blank rows left out; `numbers` (n,) says where in the file each row stands."""

    name: str
    header: Sequence[str]
    columns: dict[str, Coded]
    unit: Literal["line", "row"]
    numbers: NDArray[np.intp]

    def place(self, row: int) -> str:
        """Say where a row stands, as a person would look for it."""
        return f"{self.unit} {self.numbers[row]}"

    def read(
        self, column: str, meaning: Callable[[str], T | None], expectation: str
    ) -> tuple[list[T], NDArray[np.intp]]:
        """Give what the distinct cells of a column mean, and which of it each row has.

        The first row whose cell is empty or means nothing is named by BadValueError or UnknownAirportError;
        MissingColumnError is raised where there is no such column.
        """
        if column not in self.columns:
            raise missing_column(self.name, column, self.header)
        cells, positions = self.columns[column]
        found: list[T] = []
        for position, cell in enumerate(cells):
            try:
                meant = None if is_empty(cell) else meaning(cell.strip())
            except UnknownAirportError as failure:
                raise UnknownAirportError(f"{self._cell(column, position)}: {failure}; correct it") from None
            if meant is None:
                raise bad_value(self._cell(column, position), cell, expectation, _CORRECT)
            found.append(meant)
        return found, positions

    def _cell(self, column: str, position: int) -> str:
        """Name the first cell of a column that is its `position`-th distinct one."""
        row = int((self.columns[column].positions == position).argmax())
        return f"{self.name}, {self.place(row)}, column {shown(column)}"


def read_coded(data: bytes, name: str, suffix: str, wanted: Iterable[str]) -> CodedTable:
    """Read the wanted columns of a CSV or JSON table, as far as it has them; raise TableError for one without rows."""
    if suffix == ".csv":
        header, lines = read_csv_rows(data, name)
        return _coded(name, header, "line", lines, wanted)
    if suffix not in (".json", ".jsonl", ".ndjson"):
        raise TableError(f"{name}: format {suffix!r} is unknown; expected .csv or .json; convert the file")
    objects = read_objects(data, name)
    names = list(dict.fromkeys(key for row in objects for key in row))
    rows = ((number, [row.get(key) for key in names]) for number, row in enumerate(objects, start=1))
    return _coded(name, names, "row", rows, wanted)


def _coded(
    name: str,
    header: list[str],
    unit: Literal["line", "row"],
    rows: Iterable[tuple[int, Sequence[str | None]]],
    wanted: Iterable[str],
) -> CodedTable:
    numbers = array("q")
    known = {
        column: (header.index(column), dict[str, int](), array("q")) for column in wanted if column in header
    }
    for number, cells in rows:
        if not any(cells):
            continue
        numbers.append(number)
        for place, codes, positions in known.values():
            positions.append(codes.setdefault(cells[place] or "", len(codes)))
    if not numbers:
        raise no_flights(name)
    columns = {
        column: Coded(list(codes), np.array(positions, np.intp))
        for column, (_, codes, positions) in known.items()
    }
    return CodedTable(name, header, columns, unit, np.array(numbers, np.intp))
