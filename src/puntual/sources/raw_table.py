"""A table as its publisher wrote it, able to say where in the file each row stands."""

from dataclasses import dataclass, field

import polars as pl

from puntual.errors import BadValueError
from puntual.sources.lines import line_of
from puntual.sources.messages import bad_value, missing_column, no_flights, shown


@dataclass(frozen=True, eq=False)
class RawTable:
    """Rows before they are flights, without those that are blank.

    `records` holds each row's position, from 0, among all the records of the file after its header; `height`
    counts those, blank ones included. `text` is the CSV as UTF-8, empty for formats that have no lines.
    """

    name: str
    frame: pl.DataFrame
    records: pl.Series
    height: int
    text: bytes = field(default=b"", repr=False)

    def column(self, name: str) -> pl.Series:
        """Give one column, or raise MissingColumnError with the names nearest to it."""
        if name in self.frame.columns:
            return self.frame[name]
        raise missing_column(self.name, name, self.frame.columns)

    def place(self, record: int) -> str:
        """Say where a record of the file stands, as a person would look for it."""
        return f"line {line_of(self.text, record)}" if self.text else f"row {record + 1}"

    def bad_value(self, column: str, row: int, expectation: str, remedy: str) -> BadValueError:
        """Describe one cell that cannot be read; `row` counts within `frame`."""
        return bad_value(self.cell(column, row), self.frame[column][row], expectation, remedy)

    def cell(self, column: str, row: int) -> str:
        """Name one cell: file, line or row, column."""
        return f"{self.name}, {self.place(self.records[row])}, column {shown(column)}"


def raw_table(name: str, frame: pl.DataFrame, text: bytes = b"") -> RawTable:
    """Set the blank rows of a table aside; a table with no other rows is refused."""
    records = pl.Series("record", range(frame.height), dtype=pl.UInt32)
    filled = frame.select(keep=~pl.all_horizontal(pl.all().is_null())).to_series() if frame.width else None
    if filled is None or not filled.any():
        raise no_flights(name)
    if filled.all():
        return RawTable(name, frame, records, frame.height, text)
    return RawTable(name, frame.filter(filled), records.filter(filled), frame.height, text)
