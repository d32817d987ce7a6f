"""The files of one table, read one after another: a single raw table, its typed columns, and the digest of the bytes.

Of each file only the typed columns are kept, so that many years take no more memory than their flights. What is wrong
is collected over all files, and named by file and row.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import polars as pl

from puntual.sources.faults import Fault
from puntual.sources.files import Place, read_bytes
from puntual.sources.raw_table import RawTable
from puntual.sources.table_files import TableFiles, partition_of

TypedColumns = dict[str, pl.Series]
Parse = Callable[[bytes, Place], RawTable]


class Part(NamedTuple):
    """Rows as their publisher wrote them, their columns as typed values, and the SHA-256 of the bytes so far."""

    raw: RawTable
    columns: TypedColumns
    content: "hashlib._Hash"


def read_parts(
    files: TableFiles,
    parse: Parse,
    columns_of: Callable[[RawTable], TypedColumns],
    remedy: str = "check the path",
    *,
    keeps_rows: bool = False,
) -> Part:
    """Read the files of a table, each by `parse` and then `columns_of`; with `keeps_rows` the rows are kept as written.

    The digest is that of all bytes after one another. Errors of a whole file are raised as it is read; faults of rows
    are left in the raw table for whoever assembles the flights.
    """
    content = hashlib.sha256()

    def parsed(place: Place) -> RawTable:
        data = read_bytes(place, remedy, files.store)
        content.update(data)
        return _with_partition(parse(data, place), place)

    if len(files.places) == 1 and files.store is None:
        raw = parsed(files.places[0])
        return Part(raw, columns_of(raw), content)
    joint = _Joint(files, parse, remedy, keeps_rows)
    for place in files.places:
        raw = parsed(place)
        joint.add(raw, columns_of(raw))
    return Part(joint.raw(), joint.columns(), content)


def _never(place: Place) -> RawTable:
    raise LookupError(place)


NO_FILES = TableFiles("", (), ())


@dataclass(frozen=True, eq=False)
class JointTable(RawTable):
    """The rows of several files below one another; `starts` counts the records before each file."""

    files: TableFiles = NO_FILES
    starts: tuple[int, ...] = ()
    again: Callable[[Place], RawTable] = field(default=_never, repr=False)

    def places_of_records(self, records: list[int]) -> list[str]:
        """Say in which file and where there some records stand; the file is read once more for it."""
        starts = pl.Series(self.starts, dtype=pl.Int64)
        of_file = (starts.search_sorted(pl.Series(records, dtype=pl.Int64), side="right") - 1).to_list()
        places: dict[int, str] = {}
        for file in sorted(set(of_file)):
            own = [record for record, place in zip(records, of_file, strict=True) if place == file]
            raw = self.again(self.files.places[file])
            within = raw.places_of_records([record - self.starts[file] for record in own])
            places |= dict(zip(own, (f"{self.files.names[file]}, {place}" for place in within), strict=True))
        return [places[record] for record in records]


@dataclass(eq=False)
class _Joint:
    """The files read so far."""

    files: TableFiles
    parse: Parse
    remedy: str
    keeps_rows: bool
    rows: int = 0
    height: int = 0
    has_map: bool = False
    starts: list[int] = field(default_factory=list)
    records: list[pl.Series] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    typed: list[pl.DataFrame] = field(default_factory=list)
    faults: dict[tuple[type, str, str], Fault] = field(default_factory=dict)

    def add(self, raw: RawTable, columns: Mapping[str, pl.Series]) -> None:
        """Take in the rows of the next file."""
        for fault in raw.faults:
            self._merge(replace(fault, rows=fault.rows.cast(pl.Int64) + self.rows))
        self.starts.append(self.height)
        self.records.append(raw.records.cast(pl.Int64) + self.height)
        self.frames.append(raw.frame if self.keeps_rows else raw.frame.select(row=pl.int_range(pl.len())))
        self.typed.append(pl.DataFrame([series.rename(name) for name, series in columns.items()]))
        self.rows, self.height = self.rows + raw.frame.height, self.height + raw.height
        self.has_map = raw.has_map

    def raw(self) -> JointTable:
        """Give all rows as one table."""
        return JointTable(
            self.files.table,
            pl.concat(self.frames, how="diagonal_relaxed"),
            pl.concat(self.records).cast(pl.UInt32),
            self.height,
            has_map=self.has_map,
            faults=list(self.faults.values()),
            files=self.files,
            starts=tuple(self.starts),
            again=lambda place: self.parse(read_bytes(place, self.remedy, self.files.store), place),
        )

    def columns(self) -> TypedColumns:
        """Give the typed columns of all rows; one that a file does not have is null there."""
        return {series.name: series for series in pl.concat(self.typed, how="diagonal_relaxed")}

    def _merge(self, fault: Fault) -> None:
        """Put a fault together with those of other files that are wrong in the same way."""
        kind = (fault.error, fault.reason, fault.column)
        before = self.faults.get(kind)
        self.faults[kind] = (
            fault
            if before is None
            else replace(
                before, rows=before.rows.append(fault.rows), values=before.values.append(fault.values)
            )
        )


def _with_partition(raw: RawTable, place: Place) -> RawTable:
    """Add the columns that a file's folders carry in their names and the file itself does not."""
    added = {name: value for name, value in partition_of(place).items() if name not in raw.frame.columns}
    if not added:
        return raw
    literals = {name: pl.lit(value, pl.String) for name, value in added.items()}
    return replace(raw, frame=raw.frame.with_columns(**literals))
