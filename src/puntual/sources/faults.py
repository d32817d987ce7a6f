"""What is wrong with the rows of a table: collected over all its columns, then refused together or left out."""

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from puntual.errors import TableError
from puntual.sources.messages import is_empty, shown

LISTED = 20


class BadRows(enum.StrEnum):
    """What to do with rows that cannot be read: refuse the table and list them, or leave them out and count them."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave_out"


@dataclass(frozen=True, eq=False)
class Fault:
    """Rows that are wrong in one way: for their cells in `column`, or as repeats of the rows `repeated`.

    `rows` are positions in the table's frame, `values` the cells as text. `reason` counts them together; `describe`
    says of a cell's value what is wrong, what was expected and what to do. `error` is raised where all are alike.
    """

    error: type[TableError]
    reason: str
    describe: Callable[[str | None], str]
    rows: pl.Series
    values: pl.Series
    column: str = ""
    repeated: pl.Series | None = None

    def describe_row(self, position: int, places: Sequence[str]) -> str:
        """Describe one of the rows, by the places in the file of the row and of the one that it repeats."""
        return f"{self._where(places)}: {self.describe(self.values[position])}"

    def example(self, position: int, places: Sequence[str]) -> str:
        """Show one of the rows: its place and the value that is wrong."""
        value = self.values[position]
        return f"{self._where(places)}: {'the cell is empty' if is_empty(value) else shown(value)}"

    def _where(self, places: Sequence[str]) -> str:
        return " and ".join(places) + (f", column {shown(self.column)}" if self.column else "")


def ordered(faults: Iterable[Fault]) -> pl.DataFrame:
    """Put the rows of all faults in the order of the file: `row`, its `fault`, and its `position` in that."""
    nothing = pl.DataFrame(schema={"row": pl.UInt32, "fault": pl.Int32, "position": pl.UInt32})
    parts = [
        pl.DataFrame({"row": fault.rows.cast(pl.UInt32)})
        .with_columns(fault=pl.lit(number, pl.Int32))
        .with_row_index("position")
        .select("row", "fault", "position")
        for number, fault in enumerate(faults)
    ]
    return pl.concat([nothing, *parts]).sort("row", "fault")


def refusal(table: str, faults: Sequence[Fault], places_of: Callable[[list[int]], list[str]]) -> TableError:
    """Describe all that is wrong: the first twenty by their place in the file, the rest by count and reason.

    `places_of` says where in the file rows stand. The error is that of the faults, or TableError for several kinds.
    """
    cells = ordered(faults)
    listed = _listed(cells.head(LISTED), faults, places_of)
    kinds = {fault.error for fault in faults}
    error = kinds.pop() if len(kinds) == 1 else TableError
    if cells.height == 1:
        return error(f"{table}, {listed[0]}")
    rest = cells[LISTED:].group_by("fault").len().sort("len", "fault", descending=[True, False])
    counted = [f"and {count} more: {faults[fault].reason}" for fault, count in rest.rows()]
    heading = f"{table}: {cells['row'].n_unique()} rows cannot be used"
    return error("\n  ".join([heading, *listed, *counted]) + f"\n{_REMEDY}")


_REMEDY = (
    'correct them, or leave them out: --bad-rows leave_out, or bad_rows = "leave_out" under [rules] of a map'
)


def _listed(
    cells: pl.DataFrame, faults: Sequence[Fault], places_of: Callable[[list[int]], list[str]]
) -> list[str]:
    rows = []
    for row, number, position in cells.rows():
        repeated = faults[number].repeated
        rows.append([row] if repeated is None else [repeated[position], row])
    distinct = sorted({row for several in rows for row in several})
    places = dict(zip(distinct, places_of(distinct), strict=True))
    return [
        faults[number].describe_row(position, [places[row] for row in several])
        for several, (_, number, position) in zip(rows, cells.rows(), strict=True)
    ]
