"""Predictions of a table that is too large for memory: in pieces from its file, in parts to the model, in pieces out.

An airport's month is one part, so that its flights find all that their features ask of the table, which is the
timetable of their day, and get the bits that they have beside all others. History is the bundle's, or that of `past`.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from puntual.errors import TableError, describe_os_error
from puntual.features.flight_keys import UNKNOWABLE
from puntual.prediction.predictions import Predictions
from puntual.prediction.predictor import Predictor
from puntual.prediction.spool import Spool
from puntual.prediction.table_io import STANDARD, beside_given, form_of, formula_note, laid_out
from puntual.prediction.table_notation import Notation, rounded, without_formulas
from puntual.prediction.warnings import BITS, count_warnings
from puntual.sources import FlightTable
from puntual.sources.pieces import (
    NotInPiecesError,
    TablePiece,
    left_out_of_all,
    noted_of_all,
    pieces_of,
    put_in_place,
)
from puntual.sources.table_files import PARQUET
from puntual.sources.validation import KEY, repeated
from puntual.storage.atomic_write import atomic_write

# Files of more are predicted in parts: of CSV in bytes, of Parquet, which packs flights into few, in rows.
LARGE_BYTES, LARGE_ROWS = 1 << 26, 500_000
# Flights of a part, about, and rows that are written at once.
_PART, _WINDOW = 100_000, 1 << 17
FORMS = ("csv", "parquet")
# Before the names of the file's own columns, so that none is a field's.
_GIVEN = "given:"
ReadPiece = Callable[[str], FlightTable]


@dataclass(frozen=True)
class SpooledTable:
    """A table as it was dealt into parts: all that was read of it but its flights, and how many there are.

    `has_unknown` says that something is not known of some flight.
    """

    table: FlightTable
    spool: Spool
    flights: int
    has_unknown: bool

    def parts(self) -> Iterator[FlightTable]:
        """Give the flights part by part, with their places in the file."""
        for bucket in self.spool.buckets:
            rows = self.spool.read(bucket)
            flights = rows.select(self.table.flights.columns)
            given = rows.drop(*flights.columns, "record")
            yield replace(
                self.table,
                flights=flights,
                records=rows["record"],
                given=given.rename(lambda name: name.removeprefix(_GIVEN)) if given.width else None,
            )


def spool_large(name: str, output: str, read: ReadPiece) -> SpooledTable | None:
    """Deal the flights of a large file into parts, an airport's month to one; give None where it is to be read at once.

    That is a small one, one of a format without pieces, in or out, and one with something wrong in it, of which the
    whole table tells. `read` reads a small table of the same columns by its path.
    """
    path = Path(name)
    if output == STANDARD or form_of(Path(output)) not in FORMS:
        return None
    if not _is_large(path):
        return None
    spool = Spool()
    try:
        return _spooled(path, read, spool)
    except NotInPiecesError:
        spool.close()
        return None
    except BaseException:
        spool.close()
        raise


def _is_large(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.suffix.lower() not in PARQUET:
        return path.stat().st_size > LARGE_BYTES
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item()) > LARGE_ROWS
    except pl.exceptions.PolarsError:
        # Whoever reads it at once says what is wrong with it.
        return False


def _spooled(path: Path, read: ReadPiece, spool: Spool) -> SpooledTable:
    notes, left_out, records, flights, has_unknown, parts = [], [], 0, 0, False, 0
    table = None
    for piece in pieces_of(path):
        own = _read(piece, path, read)
        table = put_in_place(own, piece, records)
        parts = parts or 1 + own.rows * path.stat().st_size // (len(piece.data) * _PART)
        spool.deal(_with_given(table), _part_of(table.flights, parts))
        notes.append(table.notes)
        left_out.append(table.left_out)
        records, flights = records + own.rows, flights + own.flights.height
        has_unknown |= any(own.flights[name].null_count() for name in UNKNOWABLE)
    if table is None:
        raise NotInPiecesError("no piece")
    whole = replace(
        table,
        flights=table.flights.clear(),
        rows=records,
        notes=noted_of_all(notes),
        left_out=left_out_of_all(left_out),
    )
    spooled = SpooledTable(whole, spool, flights, has_unknown)
    if any(repeated(part.flights.sort(*KEY)).any() for part in spooled.parts()):
        raise NotInPiecesError("the same flight stands twice")
    return spooled


def _read(piece: TablePiece, path: Path, read: ReadPiece) -> FlightTable:
    with tempfile.TemporaryDirectory(prefix="puntual-") as folder:
        small = Path(folder) / path.name
        try:
            small.write_bytes(piece.data)
            return read(str(small))
        except (OSError, TableError) as refusal:
            raise NotInPiecesError(str(refusal)) from refusal


def predict_spooled(
    predictor: Predictor,
    spooled: SpooledTable,
    output: Path,
    notation: Notation,
    *,
    as_of: datetime | None = None,
    past: pl.DataFrame | None = None,
    timetable_of: pl.DataFrame | None = None,
    reasons: bool = False,
    progress: Callable[[int], object] | None = None,
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Predict a table part by part, and write it as `table_io.write_table` does; give notes, and flights by warning.

    The arguments are those of `Predictor.predict`. The file appears whole or not at all.
    """
    if past is not None:
        predictor = predictor.with_past(past)
    warned = dict.fromkeys(BITS, 0)
    with closing(spooled.spool), closing(Spool()) as predicted:
        for part in spooled.parts():
            predictions = predictor.predict(
                part.flights, as_of, timetable_of=timetable_of, reasons=reasons, progress=progress
            )
            for code, count in count_warnings(predictions.warnings).items():
                warned[code] += count
            rows = _laid_out(part, predictions, has_unknown=spooled.has_unknown)
            predicted.deal(rows, rows["record"] // _WINDOW)
        formulas = _write(predicted, output, notation)
    return formula_note(formulas), warned


def _with_given(table: FlightTable) -> pl.DataFrame:
    """Put the file's own columns beside the flights, under names that are no field's."""
    flights = table.flights.with_columns(record=table.records)
    return flights if table.given is None else flights.hstack(table.given.rename(lambda name: _GIVEN + name))


def _part_of(flights: pl.DataFrame, parts: int) -> pl.Series:
    month = pl.col("scheduled_departure").dt.strftime("%Y-%m").fill_null("")
    return flights.select(pl.concat_str("origin", month).hash(seed=0) % parts).to_series().cast(pl.Int64)


def _laid_out(part: FlightTable, predictions: Predictions, *, has_unknown: bool) -> pl.DataFrame:
    rows = beside_given(part, laid_out(part, predictions, has_unknown=has_unknown))
    return rows.with_columns(record=part.records.sort())


def _write(predicted: Spool, path: Path, notation: Notation) -> int:
    """Write the rows in the order of the file that they came from; count the cells that a spreadsheet would run."""
    form = form_of(path)
    formulas = np.zeros(2, np.int64)

    def windows() -> Iterator[pl.DataFrame]:
        for window in predicted.buckets:
            rows = rounded(predicted.read(window).sort("record").drop("record"), notation)
            if form == "csv":
                names = without_formulas(rows.clear())[1]
                rows, cells = without_formulas(rows)
                formulas[:] = formulas[0] + cells - names, names
            yield rows

    try:
        with atomic_write(path) as file:
            if form == "csv":
                for place, rows in enumerate(windows()):
                    rows.write_csv(
                        file,
                        include_header=not place,
                        separator=notation.separator,
                        decimal_comma=notation.decimal == ",",
                    )
            else:
                _as_source(windows).sink_parquet(file)
    except OSError as error:
        raise TableError(describe_os_error(error, path)) from error
    return int(formulas.sum())


def _as_source(windows: Callable[[], Iterator[pl.DataFrame]]) -> pl.LazyFrame:
    """Let Polars take frames one after another."""
    schema = next(windows()).schema

    def give(frames: Callable[[], Iterator[pl.DataFrame]], *_: object) -> Iterator[pl.DataFrame]:
        return frames()

    return register_io_source(partial(give, windows), schema=schema)
