"""Flights in from a file or standard input, predictions out to a file or standard output."""

import sys
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import polars as pl

from puntual.errors import TableError, describe_os_error, did_you_mean
from puntual.features.flight_keys import UNKNOWABLE
from puntual.flights.flight import LateRule
from puntual.flights.schema import TIMETABLE_FIELDS
from puntual.prediction.predictions import Predictions
from puntual.prediction.table_notation import WRITERS, Notation, rounded, without_formulas
from puntual.sources import BadRows, FlightTable, read_flights, read_plain
from puntual.storage.atomic_write import atomic_write

STANDARD = "-"
DEFAULT = Notation()
Reader = Callable[[bytes, str, str, LateRule, BadRows, Mapping[str, str]], FlightTable]


def read_table(
    name: str,
    form: str,
    source: str | None,
    map_file: Path | None,
    rule: LateRule,
    reader: Reader = read_plain,
    bad_rows: str | None = None,
    time_zones: Mapping[str, str] | None = None,
) -> FlightTable:
    """Read flights from a file or, for `-`, from standard input; `form` is the format of the latter.

    Coming flights have no operation yet, so its columns need not be there. `reader` reads what is no other source's:
    `read_requested` takes flights of which not everything is known. `bad_rows` is `refuse` or `leave_out`; `time_zones`
    are those of origins that nobody lists.
    """
    rows = BadRows(bad_rows or BadRows.REFUSE)
    zones = {code: zone for code, zone in (time_zones or {}).items() if zone}
    if source is not None:
        if name == STANDARD:
            raise TableError(
                f"standard input: the source {source} is read from files; save it and name the file"
            )
        return read_flights(source, name, map_file, operated=False, bad_rows=bad_rows)
    if name == STANDARD:
        if sys.stdin is None:
            raise TableError("standard input: it is closed; pipe a table into it, or name a file")
        return reader(sys.stdin.buffer.read(), "standard input", f".{form}", rule, rows, zones)
    path = Path(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TableError(describe_os_error(error, path)) from error
    return reader(data, str(path), path.suffix.lower(), rule, rows, zones)


def write_table(
    requested: FlightTable, predictions: Predictions, name: str, form: str, notation: Notation = DEFAULT
) -> tuple[str, ...]:
    """Write flights with their predictions and the requesting file's own columns, in its order; give notes on them.

    `form` is the format of standard output. A file is written whole or not at all.
    """
    table = rounded(beside_given(requested, laid_out(requested, predictions)), notation)
    form = form if name == STANDARD else form_of(Path(name))
    formulas = 0
    if form == "csv":
        table, formulas = without_formulas(table)
    if name == STANDARD:
        # Whole first: of a pipe that is closed Polars would not say so.
        written = BytesIO()
        WRITERS[form](table, written, notation)
        sys.stdout.buffer.write(written.getbuffer())
        sys.stdout.buffer.flush()
    else:
        _write_whole(table, Path(name), form, notation)
    return formula_note(formulas)


def formula_note(cells: int) -> tuple[str, ...]:
    """Note the cells that a spreadsheet would run, and that have an apostrophe before them."""
    return (f"{cells} cells begin like a formula, and have an apostrophe before them",) if cells else ()


def beside_given(requested: FlightTable, table: pl.DataFrame) -> pl.DataFrame:
    """Put the file's own columns after the fields of flights; one that is called as another column is left out."""
    if requested.given is None:
        return table
    own = requested.given.with_columns(row=requested.records).sort("row").drop("row")
    own = own.drop([name for name in own.columns if name in table.columns])
    fields = list(TIMETABLE_FIELDS)
    return pl.concat([table.select(fields), own, table.drop(fields)], how="horizontal")


def laid_out(
    requested: FlightTable, predictions: Predictions, *, has_unknown: bool | None = None
) -> pl.DataFrame:
    """Lay out flights with their predictions, in the order of the requesting file.

    Where fields of flights are unknown, the column `missing` names them; without a date no timetable was looked at.
    Of flights that are part of a larger table, `has_unknown` says whether any is unknown there.
    """
    table = requested.flights.select(pl.col(list(TIMETABLE_FIELDS))).hstack(predictions.to_frame())
    if has_unknown is None:
        has_unknown = any(table[name].null_count() for name in UNKNOWABLE)
    if has_unknown:
        names = [pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in UNKNOWABLE]
        dated = pl.col("scheduled_departure").is_not_null()
        table = table.with_columns(
            missing=pl.concat_str(names, separator=" ", ignore_nulls=True),
            timetable=pl.when(dated).then("timetable").otherwise(pl.lit("unknown")),
        )
    return table.with_columns(row=requested.records).sort("row").drop("row")


def form_of(path: Path) -> str:
    """Tell the format by the ending of a file's name; raise TableError for one that is not written."""
    form = path.suffix.lstrip(".").lower()
    if form not in WRITERS:
        raise TableError(
            f"{path}: the ending {path.suffix!r} names no format; expected .csv, .xlsx, .parquet or .json"
            f"{did_you_mean(form, WRITERS)}"
        )
    return form


def _write_whole(table: pl.DataFrame, path: Path, form: str, notation: Notation) -> None:
    try:
        with atomic_write(path) as file:
            WRITERS[form](table, file, notation)
    except OSError as error:
        raise TableError(describe_os_error(error, path)) from error
