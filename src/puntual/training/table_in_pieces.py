"""A table that is too large to be read at once, for training: in pieces, of which categories are kept for texts."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from puntual.errors import TableError
from puntual.flights.flight import LateRule, Target
from puntual.registry.card_record import Omission
from puntual.sources import FlightTable, Place, read_flights, toward
from puntual.sources.catalog import files_apart
from puntual.sources.flight_table import LeftOut
from puntual.sources.mapping import read_map
from puntual.sources.nyc import flight_files, has_planes, weather_beside
from puntual.sources.pieces import (
    NotInPiecesError,
    TablePiece,
    left_out_of_all,
    noted_of_all,
    pieces_of,
    put_in_place,
)
from puntual.sources.table_files import CSV_OR_PARQUET, PARQUET
from puntual.sources.validation import KEY, repeated
from puntual.training.dataset import Dataset
from puntual.training.experiment import Options, choose_operated, omissions_of, require_bands
from puntual.training.large_dataset import LargeDataset

# Files of more are read in pieces: of CSV in bytes, which are a tenth of that when packed, of Parquet in rows.
LARGE_BYTES, LARGE_ROWS, _PACKED = 1 << 28, 2_000_000, 10
_BLOCK = 1 << 22
_EXAMPLE = re.compile(r"\(((?:line|row) \d)")
Prepared = tuple[Dataset, tuple[Omission, ...]]


def read_to_learn(
    source: str,
    data: Path | str | None,
    map_file: Path | None,
    bad_rows: str | None,
    options: Options,
) -> tuple[FlightTable, Prepared | None]:
    """Read a table as `sources.read_flights` does; a large one without its flights, but with the dataset of these.

    A table with something wrong in it is read at once, as that tells of the whole.
    """
    large = read_large(source, data, map_file, bad_rows, options)
    if large is None:
        return read_flights(source, data, map_file, bad_rows=bad_rows), None
    require_bands(large[1][0])
    return large


def read_large(
    source: str,
    data: Path | str | None,
    map_file: Path | None,
    bad_rows: str | None,
    options: Options,
    late_rule: LateRule | None = None,
) -> tuple[FlightTable, tuple[LargeDataset, tuple[Omission, ...]]] | None:
    """Read the operated flights of a large table in pieces; give None for one that is to be read at once.

    `late_rule` takes the place of the source's.
    """
    try:
        files = _files(source, data, map_file)
        if not _are_large(files):
            return None
        packed = _Packed(_root(data))
        for file in files:
            for piece in _pieces(file):
                own = _read(piece, file, lambda path: read_flights(source, path, map_file, bad_rows=bad_rows))
                packed.add(file, piece, own, Target(options.target))
        flights = packed.flights()
        table = packed.table(_digest(files))
    except NotInPiecesError:
        return None
    weather = weather_beside(flight_files(data if data is None else Path(data))) if source == "nyc" else None
    chosen, gone = choose_operated(flights, options)
    dataset = LargeDataset(chosen, late_rule or table.late_rule, options.seed, weather)
    return table, (dataset, omissions_of(table, gone))


@dataclass
class _Packed:
    """The flights of the pieces read so far, their texts as categories, and what was left out and noted."""

    root: Path | None
    frames: list[pl.DataFrame] = field(default_factory=list)
    left_out: list[tuple[LeftOut, ...]] = field(default_factory=list)
    notes: list[tuple[str, ...]] = field(default_factory=list)
    last: FlightTable | None = None
    rows: int = 0
    of_file: tuple[Path | None, int] = (None, 0)

    def add(self, file: Path, piece: TablePiece | None, table: FlightTable, target: Target) -> None:
        """Take in the flights of the next piece of a file, or of the whole of it."""
        rows = table.rows
        before = self.of_file[1] if self.of_file[0] == file else 0
        if piece is not None:
            table = put_in_place(table, piece, before)
        table = self._named(table, file)
        try:
            flights = toward(table, target)
        except TableError as error:
            raise NotInPiecesError(str(error)) from error
        self.frames.append(flights.with_columns(pl.col(pl.String).cast(pl.Categorical)))
        self.left_out.append(table.left_out)
        self.notes.append(table.notes)
        self.last, self.rows, self.of_file = table, self.rows + rows, (file, before + rows)

    def flights(self) -> pl.DataFrame:
        """Give all flights in order; raise NotInPiecesError where one stands twice."""
        flights = pl.concat(self.frames, how="diagonal")
        self.frames.clear()
        for name, kind in flights.schema.items():
            if kind == pl.Categorical:
                values = flights[name].unique().drop_nulls().cast(pl.String).sort()
                flights = flights.with_columns(pl.col(name).cast(pl.String).cast(pl.Enum(values)))
        flights = flights.sort(*KEY)
        if repeated(flights).any():
            raise NotInPiecesError("the same flight stands twice")
        return flights

    def table(self, digest: str) -> FlightTable:
        """Say of the whole table what is to be known of it, but for its flights."""
        if self.last is None:
            raise NotInPiecesError("no piece")
        return replace(
            self.last,
            flights=self.last.flights.clear(),
            records=self.last.records.clear(),
            arrived=None,
            diverted=None,
            weather=None,
            digest=digest,
            rows=self.rows,
            notes=noted_of_all(self.notes),
            left_out=left_out_of_all(self.left_out),
        )

    def _named(self, table: FlightTable, file: Path) -> FlightTable:
        """Say of rows in which of several files they stand."""
        if self.root is None:
            return table
        name = str(file.relative_to(self.root))
        return replace(
            table,
            left_out=tuple(replace(gone, example=f"{name}, {gone.example}") for gone in table.left_out),
            notes=tuple(_EXAMPLE.sub(lambda found: f"({name}, {found[1]}", note) for note in table.notes),
        )


def _files(source: str, data: Path | str | None, map_file: Path | None) -> tuple[Path, ...]:
    """Give the files of a table where each may be read alone, all on this machine; raise NotInPiecesError elsewhere."""
    place = Path(data) if isinstance(data, str) and "://" not in data else data
    if source == "nyc":
        files = flight_files(place)
        places: tuple[Place | None, ...] = () if has_planes(files) else files.places
    else:
        whole = source == "table" and map_file is not None and read_map(map_file).weather
        places = () if whole else files_apart(source, place, map_file)
    paths = tuple(path for path in places if isinstance(path, Path) and path.is_file())
    if not paths or len(paths) < len(places):
        raise NotInPiecesError(str(data))
    return paths


def _root(data: Path | str | None) -> Path | None:
    return Path(data) if data is not None and Path(data).is_dir() else None


def _are_large(files: tuple[Path, ...]) -> bool:
    rows = sum(_rows_of(file) for file in files if file.suffix.lower() in PARQUET)
    others = [file for file in files if file.suffix.lower() not in PARQUET]
    size = sum(file.stat().st_size * (1 if file.suffix.lower() == ".csv" else _PACKED) for file in others)
    return rows > LARGE_ROWS or size > LARGE_BYTES


def _rows_of(file: Path) -> int:
    try:
        return int(pl.scan_parquet(file).select(pl.len()).collect().item())
    except pl.exceptions.PolarsError:
        # Whoever reads it at once says what is wrong with it.
        return 0


def _pieces(file: Path) -> Iterator[TablePiece | None]:
    """Cut a file of CSV or Parquet; any other is one piece."""
    if file.suffix.lower() in CSV_OR_PARQUET:
        yield from pieces_of(file)
    else:
        yield None


def _read(piece: TablePiece | None, file: Path, read: Callable[[Path], FlightTable]) -> FlightTable:
    try:
        if piece is None:
            return read(file)
        with tempfile.TemporaryDirectory(prefix="puntual-") as folder:
            small = Path(folder) / file.name
            small.write_bytes(piece.data)
            return read(small)
    except (OSError, TableError) as refusal:
        raise NotInPiecesError(str(refusal)) from refusal


def _digest(files: tuple[Path, ...]) -> str:
    """Give the SHA-256 of all files after one another."""
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                total.update(block)
    return total.hexdigest()
