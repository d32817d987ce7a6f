"""Flights in from a file or standard input, predictions out to a file or standard output."""

import os
import sys
import tempfile
from pathlib import Path

import polars as pl

from puntual.errors import BadTable, did_you_mean
from puntual.flights import TIMETABLE_FIELDS, LateRule
from puntual.predictions import Predictions
from puntual.sources import FlightTable, read_flights, read_plain

STANDARD = "-"
WRITERS = {"csv": "write_csv", "parquet": "write_parquet", "json": "write_json"}


def read_table(
    name: str, form: str, source: str | None, map_file: Path | None, rule: LateRule
) -> FlightTable:
    """Read flights from a file or, for `-`, from standard input; `form` is the format of the latter.

    Coming flights have no operation yet, so its columns need not be there.
    """
    if source is not None:
        if name == STANDARD:
            raise BadTable(
                f"standard input: the source {source} is read from files; save it and name the file"
            )
        return read_flights(source, Path(name), map_file, operated=False)
    if name == STANDARD:
        return read_plain(sys.stdin.buffer.read(), "standard input", f".{form}", rule)
    path = Path(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadTable(f"{path}: {error.strerror}; name a readable CSV, Parquet or JSON file") from error
    return read_plain(data, str(path), path.suffix.lower(), rule)


def write_table(asked: FlightTable, said: Predictions, name: str, form: str) -> None:
    """Write flights with what is said of them, in the order of the file that asked.

    A file is written whole or not at all.
    """
    named = asked.flights.select(pl.col(list(TIMETABLE_FIELDS)))
    table = named.hstack(said.to_frame()).with_columns(row=asked.records).sort("row").drop("row")
    form = form if name == STANDARD else _form_of(Path(name))
    if name == STANDARD:
        getattr(table, WRITERS[form])(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    _write_whole(table, Path(name), form)


def _form_of(path: Path) -> str:
    form = path.suffix.lstrip(".").lower()
    if form not in WRITERS:
        raise BadTable(
            f"{path}: the ending {path.suffix!r} names no format; expected .csv, .parquet or .json"
            f"{did_you_mean(form, WRITERS)}"
        )
    return form


def _write_whole(table: pl.DataFrame, path: Path, form: str) -> None:
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        try:
            getattr(table, WRITERS[form])(draft)
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise BadTable(f"{path}: {error.strerror}; choose a place that can be written") from error
