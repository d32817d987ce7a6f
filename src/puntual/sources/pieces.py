"""A table that is too large to be read at once, cut into small ones of the same columns, for any reader."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import polars as pl

from puntual.sources.flight_table import FlightTable, LeftOut
from puntual.sources.table_files import PARQUET

# Of CSV in bytes, of Parquet in rows: some hundred thousand flights.
PIECE_BYTES, PIECE_ROWS = 1 << 24, 1 << 17
_PLACE = re.compile(r"\b(line|row) (\d+)")
_COUNTED = re.compile(r"(?P<what>.*): (?P<count>\d+) \((?P<example>.*)\)", re.DOTALL)
# What is said of a whole table, so that pieces of it cannot be put together.
_OF_ALL = ("more airports are listed", "rows that repeat a flight")


class NotInPiecesError(Exception):
    """A table that has to be read as a whole: its format has no pieces, or something is wrong that concerns it all."""


@dataclass(frozen=True, slots=True)
class TablePiece:
    """A small table as the bytes of a file, and how many lines of the large one stand before its own."""

    data: bytes
    lines_before: int


def pieces_of(path: Path) -> Iterator[TablePiece]:
    """Cut a CSV or Parquet file, whose first line or schema all pieces have; raise NotInPiecesError for any other."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        with path.open("rb") as file:
            yield from _of_csv(file)
    elif suffix in PARQUET:
        yield from _of_parquet(path)
    else:
        raise NotInPiecesError(suffix)


def put_in_place(table: FlightTable, piece: TablePiece, records_before: int) -> FlightTable:
    """Say of a piece's rows where they stand in the file that it was cut from."""
    before = piece.lines_before if piece.lines_before >= 0 else records_before

    def moved(text: str) -> str:
        return _PLACE.sub(lambda place: f"{place[1]} {int(place[2]) + before}", text)

    return replace(
        table,
        records=table.records.cast(pl.Int64) + records_before,
        left_out=tuple(LeftOut(gone.reason, gone.count, moved(gone.example)) for gone in table.left_out),
        notes=tuple(note if _COUNTED.fullmatch(note) is None else moved(note) for note in table.notes),
    )


def noted_of_all(notes: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Put the notes on pieces together: counts are added up, and the first example stays.

    What is noted without a count has to hold of each piece. Raise NotInPiecesError for what only the whole table tells.
    """
    counts: dict[str, int] = {}
    examples: dict[str, str] = {}
    for note in [note for of_piece in notes for note in of_piece]:
        if any(words in note for words in _OF_ALL):
            raise NotInPiecesError(note)
        counted = _COUNTED.fullmatch(note)
        what = note if counted is None else counted["what"]
        counts[what] = counts.get(what, 0) + (1 if counted is None else int(counted["count"]))
        if counted is not None:
            examples.setdefault(what, counted["example"])
    return tuple(
        f"{what}: {count} ({examples[what]})" if what in examples else what
        for what, count in counts.items()
        if what in examples or count == len(notes)
    )


def left_out_of_all(left_out: list[tuple[LeftOut, ...]]) -> tuple[LeftOut, ...]:
    """Add up what was left out of pieces, reason by reason."""
    gone: dict[str, LeftOut] = {}
    for one in [one for of_piece in left_out for one in of_piece]:
        before = gone.get(one.reason)
        gone[one.reason] = one if before is None else replace(before, count=before.count + one.count)
    return tuple(gone.values())


def _of_csv(file: BinaryIO) -> Iterator[TablePiece]:
    header = file.readline()
    # Two bytes a letter, or a name with a line break in it.
    if b"\0" in header or header.count(b'"') % 2 or not header.strip():
        raise NotInPiecesError("header")
    lines, rest = 0, b""
    while block := file.read(PIECE_BYTES):
        whole, rest = _cut(rest + block)
        if whole:
            yield TablePiece(header + whole, lines)
            lines += whole.count(b"\n")
    if rest:
        yield TablePiece(header + rest, lines)


def _cut(text: bytes) -> tuple[bytes, bytes]:
    """Cut after the last line that ends outside quotes."""
    end = text.rfind(b"\n") + 1
    if text.count(b'"', 0, end) % 2:
        # A break within quotes: back to the last that is not. Quotes seldom have one, so a few steps do.
        while end and text.count(b'"', 0, end) % 2:
            end = text.rfind(b"\n", 0, end - 1) + 1
    return text[:end], text[end:]


def _of_parquet(path: Path) -> Iterator[TablePiece]:
    table = pl.scan_parquet(path)
    rows = table.select(pl.len()).collect().item()
    for start in range(0, rows, PIECE_ROWS):
        written = BytesIO()
        table.slice(start, PIECE_ROWS).collect().write_parquet(written, compression="uncompressed")
        # Rows of Parquet are counted as records, which the reader says.
        yield TablePiece(written.getvalue(), -1)
