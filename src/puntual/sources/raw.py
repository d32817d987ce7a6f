"""A table as its publisher wrote it, able to say where in the file each row stands."""

from dataclasses import dataclass, field

import polars as pl

from puntual.errors import BadTable, BadValue, MissingColumn, did_you_mean
from puntual.sources.lines import line_of

SHOWN = 80
SHOWN_COLUMNS = 30


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
        """Give one column, or raise MissingColumn with the names nearest to it."""
        if name in self.frame.columns:
            return self.frame[name]
        names = self.frame.columns[:SHOWN_COLUMNS]
        raise MissingColumn(
            f"{self.name}: column {shown(name)} is missing; expected it among {shown(', '.join(names), 400)}"
            + (did_you_mean(name, names) or _other_separator(names))
        )

    def place(self, record: int) -> str:
        """Say where a record of the file stands, as a person would look for it."""
        return f"line {line_of(self.text, record)}" if self.text else f"row {record + 1}"

    def bad_value(self, column: str, row: int, expectation: str, remedy: str) -> BadValue:
        """Describe one cell that cannot be read; `row` counts within `frame`."""
        where = self.cell(column, row)
        value = self.frame[column][row]
        said = "the cell is empty" if is_empty(value) else f"{shown(value)} cannot be read"
        return BadValue(f"{where}: {said}; expected {expectation}; {remedy}")

    def cell(self, column: str, row: int) -> str:
        """Name one cell: file, line or row, column."""
        return f"{self.name}, {self.place(self.records[row])}, column {shown(column)}"


def raw_table(name: str, frame: pl.DataFrame, text: bytes = b"") -> RawTable:
    """Set the blank rows of a table aside; a table with no other rows is refused."""
    records = pl.Series("record", range(frame.height), dtype=pl.UInt32)
    filled = frame.select(keep=~pl.all_horizontal(pl.all().is_null())).to_series() if frame.width else None
    if filled is None or not filled.any():
        raise BadTable(
            f"{name}: it holds no flights; expected rows below the header; check that the file is complete"
        )
    if filled.all():
        return RawTable(name, frame, records, frame.height, text)
    return RawTable(name, frame.filter(filled), records.filter(filled), frame.height, text)


def shown(value: object, length: int = SHOWN) -> str:
    """Write a value for a message: quoted, with control characters escaped, and never long.

    >>> shown("a" * 5), shown("a" * 1000)[-6:]
    ("'aaaaa'", "aaaa…'")
    """
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= length else text[:length] + "…")


def is_empty(value: object) -> bool:
    """Tell whether a cell holds nothing, or nothing but white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def _other_separator(names: list[str]) -> str:
    if len(names) != 1:
        return ""
    found = [mark for mark in (";", "\t", "|", ",") if mark in names[0]]
    return (
        f"; the header is one column: is the separator {found[0]!r}? set separator in the map"
        if found
        else ""
    )
