"""A small table of text, CSV or JSON, where no library of tables is wanted: timetables, uploads, rows of a request."""

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from puntual.errors import TableError, UnknownAirportError
from puntual.sources.csv_rows import read_csv_rows
from puntual.sources.json_objects import read_objects
from puntual.sources.limits import LONGEST_TEXT, NUL, SHORT_ENOUGH, WITHOUT_NUL, refuse_wide
from puntual.sources.messages import bad_value, is_empty, missing_column, no_flights, shown

_CORRECT = "correct the cell, or leave the row out"
T = TypeVar("T")


class TableRows(NamedTuple):
    """The names of the columns, and of the rows that are not blank the cells of some, each with its line or row.

    All names are known only once the last row was read.
    """

    header: Collection[str]
    unit: Literal["line", "row"]
    columns: Sequence[str]
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
        self, column: str, parse: Callable[[str], T | None], expectation: str, *, absent: T | None = None
    ) -> tuple[list[T], NDArray[np.intp]]:
        """Give what the distinct cells of a column mean, and which of it each row has.

        The first row whose cell is empty or means nothing is named by BadValueError or UnknownAirportError;
        MissingColumnError is raised where there is no such column. `absent`, where one is given, stands for an empty
        cell, and for all of a column that is not there.
        """
        if column not in self.columns:
            if absent is not None:
                return [absent], np.zeros(len(self.numbers), np.intp)
            raise missing_column(self.name, column, self.header)
        cells, positions = self.columns[column]
        values: list[T] = []
        for position, cell in enumerate(cells):
            try:
                value = absent if is_empty(cell) else parse(cell.strip())
            except UnknownAirportError as failure:
                raise UnknownAirportError(f"{self._cell(column, position)}: {failure}; correct it") from None
            if value is None or len(cell) > LONGEST_TEXT or NUL in cell:
                expected = (
                    SHORT_ENOUGH if len(cell) > LONGEST_TEXT else WITHOUT_NUL if NUL in cell else expectation
                )
                raise bad_value(self._cell(column, position), cell, expected, _CORRECT)
            values.append(value)
        return values, positions

    def _cell(self, column: str, position: int) -> str:
        """Name the first cell of a column that is its `position`-th distinct one."""
        row = int((self.columns[column].positions == position).argmax())
        return f"{self.name}, {self.place(row)}, column {shown(column)}"


def read_small_table(data: bytes, name: str, suffix: str, wanted: Iterable[str]) -> SmallTable:
    """Read the wanted columns of a CSV or JSON table, as far as it has them; raise TableError for one without rows."""
    if suffix not in _READERS:
        raise TableError(f"{name}: format {suffix!r} is unknown; expected .csv or .json; convert the file")
    header, unit, read, rows = _READERS[suffix](data, name, [*wanted])
    numbers = array("q")
    columns = [(column, dict[str, int](), array("q")) for column in read]
    for number, cells in rows:
        numbers.append(number)
        for cell, (_, codes, positions) in zip(cells, columns, strict=True):
            positions.append(codes.setdefault(cell or "", len(codes)))
    if not numbers:
        raise no_flights(name)
    kept = {
        column: Column(list(codes), np.frombuffer(positions, np.int64))
        for column, codes, positions in columns
        if column in header
    }
    return SmallTable(name, [*header], kept, unit, np.frombuffer(numbers, np.int64))


def _rows_of_csv(data: bytes, name: str, wanted: Sequence[str]) -> TableRows:
    header, lines = read_csv_rows(data, name)
    present = [column for column in wanted if column in header]
    places = [header.index(column) for column in present]
    rows = ((number, [cells[place] for place in places]) for number, cells in lines if any(cells))
    return TableRows(header, "line", present, rows)


def _rows_of_json(data: bytes, name: str, wanted: Sequence[str]) -> TableRows:
    header: dict[str, None] = {}

    def rows() -> Iterator[tuple[int, list[str | None]]]:
        for number, row in enumerate(read_objects(data, name), start=1):
            header.update(dict.fromkeys(row))
            if any(row.values()):
                yield number, [row.get(column) for column in wanted]
        # Rows that each name columns of their own would make a table far larger than the body.
        refuse_wide(len(header), name)

    return TableRows(header, "row", wanted, rows())


_READERS: dict[str, Callable[[bytes, str, Sequence[str]], TableRows]] = {
    ".csv": _rows_of_csv,
    ".json": _rows_of_json,
    ".jsonl": _rows_of_json,
    ".ndjson": _rows_of_json,
}
