"""A table as its publisher wrote it, able to say where in the file each row stands."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from puntual.errors import BadValueError, TableError
from puntual.sources.faults import Fault, refusal
from puntual.sources.lines import lines_of
from puntual.sources.messages import describe_value, missing_column, no_flights, shown

CORRECT = "correct the cell, or leave the row out (--bad-rows leave_out)"
# What publishers write into a cell that holds nothing.
MISSING_WORDS = ("NA", "N/A", "#N/A", "NAN", "NULL", "NONE", "NIL", "-", "--", "?", ".", "\\N", "S/D", "N/D")


@dataclass(frozen=True, eq=False)
class RawTable:
    """Rows before they are flights, without those that are blank.

    `records` holds each row's position, from 0, among all the records of the file after its header; `height`
    counts those, blank ones included. `text` is the CSV as UTF-8, empty for formats that have no lines.
    What turns out to be wrong on reading is collected in `faults`; `has_map` says that a map may name what is missing.
    """

    name: str
    frame: pl.DataFrame
    records: pl.Series
    height: int
    text: bytes = field(default=b"", repr=False)
    has_map: bool = False
    faults: list[Fault] = field(default_factory=list, repr=False)

    def column(self, name: str) -> pl.Series:
        """Give one column, or raise MissingColumnError with the names nearest to it."""
        if name in self.frame.columns:
            return self.frame[name]
        raise missing_column(self.name, name, self.frame.columns)

    def places(self, rows: list[int]) -> list[str]:
        """Say where some rows of `frame` stand in the file, as a person would look for them."""
        return self.places_of_records([self.records[row] for row in rows])

    def places_of_records(self, records: list[int]) -> list[str]:
        """Say where some records of the file stand."""
        if not self.text:
            return [f"row {record + 1}" for record in records]
        lines = lines_of(self.text, set(records))
        return [f"line {lines[record]}" for record in records]

    def mark(
        self, column: str, wrong: pl.Series, expectation: str, remedy: str = CORRECT, *, required: bool = True
    ) -> None:
        """Collect the rows whose cell in a column cannot be read; a cell that may be missing names the rule for it."""

        def describe(value: str | None) -> str:
            return describe_value(value, expectation, remedy if required else self._remedy(value, remedy))

        reason = f"column {shown(column)} cannot be read; expected {expectation}"
        self.mark_as(BadValueError, column, wrong, reason, describe)

    def mark_as(
        self,
        error: type[TableError],
        column: str,
        wrong: pl.Series,
        reason: str,
        describe: Callable[[str | None], str],
    ) -> None:
        """Collect the rows that are wrong, with the error to raise for them and what to say of each value."""
        rows = wrong.fill_null(False).arg_true()
        if len(rows):
            self.faults.append(
                Fault(error, reason, describe, rows, _as_text(self.frame[column].gather(rows)), column)
            )

    def refuse_faults(self) -> None:
        """Raise what is wrong with the table, if anything is."""
        if self.faults:
            raise refusal(self.name, self.faults, self.places)

    def _remedy(self, value: str | None, remedy: str) -> str:
        if value is None or str(value).strip().upper() not in MISSING_WORDS:
            return remedy
        if self.has_map:
            return f"if it means an empty cell, write missing = [{_quoted(value)}] under [rules] of the map (--map)"
        return "if it means an empty cell, leave it empty"


def raw_table(name: str, frame: pl.DataFrame, text: bytes = b"") -> RawTable:
    """Set the blank rows of a table aside; a table with no other rows is refused."""
    records = pl.Series("record", range(frame.height), dtype=pl.UInt32)
    filled = frame.select(keep=~pl.all_horizontal(pl.all().is_null())).to_series() if frame.width else None
    if filled is None or not filled.any():
        raise no_flights(name)
    if filled.all():
        return RawTable(name, frame, records, frame.height, text)
    return RawTable(name, frame.filter(filled), records.filter(filled), frame.height, text)


def _as_text(values: pl.Series) -> pl.Series:
    if values.dtype.is_nested():
        return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
    return values.cast(pl.String, strict=False)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\") + '"'
