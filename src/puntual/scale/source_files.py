"""A source's files as workers read them: each alone where it may be, and what a file tells besides its flights."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import polars as pl

from puntual.flights.flight import LateRule
from puntual.scale.work_folder import WorkFolder
from puntual.sources import FlightTable, Place, read_flights
from puntual.sources.catalog import files_apart
from puntual.storage import is_url, open_store

MONTH = pl.col("scheduled_departure").dt.strftime("%Y-%m").alias("month")
# The digits that the number of a file has in names, so that names are in the order of files.
_DIGITS = 6
# So many flights are enough that reading the days before them weighs little.
FLIGHTS_OF_A_RUN = 100_000


class SourceTable(msgspec.Struct, frozen=True):
    """What is read: the source, its table and map, and what becomes of bad rows; of coming flights, not `operated`."""

    source: str
    data: str | None = None
    map_name: str | None = None
    map_content: bytes = b""
    bad_rows: str | None = None
    operated: bool = True

    @property
    def place(self) -> Place | None:
        """The path or URL of the table."""
        return self.data if self.data is None or is_url(self.data) else Path(self.data)

    def read(self, place: Place | None) -> FlightTable:
        """Read one of its files, on whatever machine this is."""
        with tempfile.TemporaryDirectory() as folder:
            map_file = self._map_in(Path(folder))
            return read_flights(self.source, place, map_file, operated=self.operated, bad_rows=self.bad_rows)

    def files(self) -> tuple[Place | None, ...]:
        """List the files that may each be read alone."""
        return files_apart(self.source, self.place, self.map_file)

    @property
    def map_file(self) -> Path | None:
        """The map on the machine that the command was given on."""
        return None if self.map_name is None else Path(self.map_name)

    def _map_in(self, folder: Path) -> Path | None:
        if self.map_file is None or self.map_file.is_file():
            return self.map_file
        copy = folder / self.map_file.name
        copy.write_bytes(self.map_content)
        return copy

    def stamps(self) -> list[str]:
        """Mark the files, so that it can be told whether they changed."""
        return [f"{place} {_stamp(place)}" for place in self.files()]


def source_table(
    source: str, data: Place | None, map_file: Path | None, bad_rows: str | None, *, operated: bool = True
) -> SourceTable:
    """Describe a table so that any machine can read it: by whole paths, and with the map."""
    place = None if data is None else data if is_url(data) else str(Path(data).absolute())
    name = None if map_file is None else str(map_file.absolute())
    content = map_file.read_bytes() if map_file is not None and map_file.is_file() else b""
    return SourceTable(source, None if place is None else str(place), name, content, bad_rows, operated)


class FlightPiece(msgspec.Struct, frozen=True):
    """The flights of one file that leave from one airport in some months: how many in each, under which name."""

    origin: str
    months: tuple[tuple[str, int], ...]
    name: str

    @property
    def flights(self) -> int:
        """The flights in all."""
        return sum(flights for _, flights in self.months)


class Gone(msgspec.Struct, frozen=True):
    """Flights that are left out: why, how many, and the first of them, with what puts it in order."""

    reason: str
    count: int
    example: str
    order: tuple[tuple[bool, str], ...] = ()


class FileRead(msgspec.Struct, frozen=True):
    """What a file held: its flights in pieces, and all that a table says of itself."""

    source: str
    late_rule: LateRule
    rows: int
    left_out: tuple[Gone, ...]
    notes: tuple[str, ...]
    pieces: tuple[FlightPiece, ...]
    has_arrived: bool
    has_due: bool
    weather: str | None
    digest: str


def read_file(folder: WorkFolder, table: SourceTable, number: int, place: Place | None) -> FileRead:
    """Read one file of a source, and write its flights apart by origin and month."""
    flights = table.read(place)
    under = f"read/{number:0{_DIGITS}}"
    parts = _with_operations(flights).partition_by("origin", as_dict=True, maintain_order=True)
    written = [piece for (origin,), part in parts.items() for piece in _pieces(under, str(origin), part)]
    folder.write_each({piece.name: part for piece, part in written})
    weather = None
    if flights.weather is not None:
        weather = f"{under}/weather.parquet"
        folder.write(weather, flights.weather)
    return FileRead(
        source=flights.source,
        late_rule=flights.late_rule,
        rows=flights.rows,
        left_out=tuple(Gone(gone.reason, gone.count, gone.example) for gone in flights.left_out),
        notes=flights.notes,
        pieces=tuple(piece for piece, _ in written),
        has_arrived=flights.arrived is not None,
        has_due=flights.flights["scheduled_arrival"].count() > 0,
        weather=weather,
        digest=flights.digest,
    )


def _pieces(under: str, origin: str, flights: pl.DataFrame) -> Iterator[tuple[FlightPiece, pl.DataFrame]]:
    """Name the file of an airport's flights, or several files where they are more than the work of one task."""
    months = counted_months(flights)
    for place, group in enumerate(packed(months, FLIGHTS_OF_A_RUN)):
        name = f"{under}/{origin}-{place}.parquet"
        part = flights if len(group) == len(months) else of_months(flights, [month for month, _ in group])
        yield FlightPiece(origin, tuple(group), name), part


def counted_months(flights: pl.DataFrame) -> list[tuple[str, int]]:
    """Count the flights of each month, in order."""
    return flights.group_by(MONTH).len().sort("month").rows()


def of_months(flights: pl.DataFrame, months: Sequence[str]) -> pl.DataFrame:
    """Keep the flights of some months."""
    return flights.filter(MONTH.is_in(pl.lit(pl.Series(months)).implode()))


def packed(months: Iterable[tuple[str, int]], flights: int) -> list[list[tuple[str, int]]]:
    """Put counted months, one after another, into groups that hold about so many flights.

    >>> packed([("2017-01", 3), ("2017-02", 2), ("2017-03", 1)], 4)
    [[('2017-01', 3), ('2017-02', 2)], [('2017-03', 1)]]
    """
    groups: list[list[tuple[str, int]]] = []
    room = 0
    for month, count in months:
        if room <= 0:
            groups.append([])
            room = flights
        groups[-1].append((month, count))
        room -= count
    return groups


def _with_operations(table: FlightTable) -> pl.DataFrame:
    """Put all that happened to flights beside them, null where the table does not tell it."""
    nothing = pl.lit(None, pl.Datetime("us"))
    return table.flights.with_columns(
        arrived=nothing if table.arrived is None else table.arrived,
        diverted=pl.lit(None, pl.Boolean) if table.diverted is None else table.diverted,
    )


def _stamp(place: Place | None) -> str | None:
    """Mark a file; of a folder, all files in it."""
    if place is None:
        return None
    if isinstance(place, Path) and place.is_dir():
        store = open_store(place)
        return " ".join(f"{name} {store.stamp(name)}" for name in store.walk())
    folder, _, name = str(place).rpartition("/")
    return open_store(folder or "/").stamp(name)
