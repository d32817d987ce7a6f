"""Your own table: any CSV, Excel or Parquet, read through a map of columns in TOML."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from puntual.errors import MapError, TableError, UnknownAirportError
from puntual.flights.airports import capitals
from puntual.flights.flight import LateRule
from puntual.flights.operations import MEASURES
from puntual.sources.airport_codes import OwnAirports, code_of, read_airports
from puntual.sources.clocks import arrival_after, departure_after, moment_at
from puntual.sources.excel import read_excel
from puntual.sources.faults import BadRows
from puntual.sources.files import Place, beside, suffix_of
from puntual.sources.flight_table import FlightTable, Reading, assemble, note_absent
from puntual.sources.large_table import read_delimited, read_parquet
from puntual.sources.mapping import From, Rules, TableMap, read_map, refuse_outcomes
from puntual.sources.observed import observed_weather
from puntual.sources.parsing import (
    DAY_FIRST_DATES,
    DAY_FIRST_FORMATS,
    ISO_FORMATS,
    nothing,
    read_airlines,
    read_clock,
    read_date_parts,
    read_dates,
    read_flags,
    read_flight_numbers,
    read_minutes,
    read_moments,
    read_text,
)
from puntual.sources.parts import read_parts
from puntual.sources.raw_table import RawTable
from puntual.sources.table_files import CSV_OR_PARQUET, PARQUET, files_of
from puntual.sources.validation import Duplicates

ENDINGS = (".xlsx", *CSV_OR_PARQUET)


def read_table(
    data: Place | None, map_file: Path | None, bad_rows: BadRows | None = None, *, operated: bool = True
) -> FlightTable:
    """Read the table `data` through the map `map_file`, whose [rules] say when a flight is late.

    Unless `operated`, the table may lack the columns that the map's [operation] names. `bad_rows` comes before the
    rule of the map.
    """
    if data is None:
        raise TableError(
            "the source table reads your own file; expected --data PATH; name a CSV, Excel or Parquet file"
        )
    if map_file is None:
        raise MapError(
            f"{data}: the source table needs a map of its columns; expected --map FILE.toml; write one"
        )
    table_map = read_map(map_file)
    rules = table_map.rules
    files = files_of(data, ENDINGS, lambda name: name != _weather_file(table_map))
    raw, columns, content = read_parts(
        files,
        lambda written, place: _raw(written, place, rules),
        lambda part: _columns(part, table_map, str(map_file), operated),
        "name your table with --data PATH",
        keeps_rows=not operated,
    )
    table = assemble(
        raw,
        columns,
        Reading(
            "table",
            LateRule(rules.late),
            content.hexdigest(),
            Duplicates(rules.duplicates),
            rules.missing_departure_is_cancelled
            and bool({"departed", "arrived", "cancelled"} & columns.keys()),
            bad_rows or BadRows(rules.bad_rows),
            table_map.airports.time_zones,
            keeps_columns=not operated,
        ),
        note_absent(columns),
    )
    if not (operated and table_map.weather):
        return table
    return replace(table, weather=_weather(files.places[0], table_map))


def table_files(data: Place, map_file: Path) -> tuple[Place, ...]:
    """Give the files of a table of which each may be read alone; its own place where there is weather beside them."""
    if read_map(map_file).weather:
        return (data,)
    return files_of(data, ENDINGS).places


def _columns(raw: RawTable, table_map: TableMap, map_name: str, operated: bool) -> dict[str, pl.Series]:
    refuse_outcomes(table_map, map_name, raw.frame.columns)
    operation = table_map.operation if operated else _present(raw, table_map.operation)
    timetable = _timetable(raw, table_map)
    return timetable | _operation(raw, table_map, operation, timetable["scheduled_departure"])


def _weather_file(table_map: TableMap) -> str | None:
    return table_map.weather["file"].column if table_map.weather else None


def _weather(data: Place, table_map: TableMap) -> pl.DataFrame:
    """Read the table of observations that the map names, which stands beside that of the flights."""
    weather = table_map.weather
    name = weather["file"].column or ""
    content = beside(data, name)
    if not content:
        raise MapError(
            f"[weather] file = {name!r}: it is not beside {data}; expected a table of weather; correct it"
        )
    raw = _raw(content, Path(name), table_map.rules)
    airport = _airports(raw, weather["airport"], table_map.airports)
    clock = _moments(raw, weather["observed"], table_map.rules)
    measures = {
        measure: read_minutes(raw, weather[measure].columns()[0], table_map.rules.decimal)
        for measure in MEASURES
        if measure in weather
    }
    raw.refuse_faults()
    return observed_weather(airport, clock, measures, table_map.airports.time_zones)


def _raw(content: bytes, place: Place, rules: Rules) -> RawTable:
    missing = tuple(rules.missing)
    if suffix_of(place) in PARQUET:
        return replace(read_parquet(content, str(place), missing), has_map=True)
    if suffix_of(place) == ".xlsx":
        return replace(read_excel(content, str(place), missing), has_map=True)
    raw = read_delimited(content, str(place), rules.separator, rules.encoding, missing)
    return replace(raw, has_map=True)


def _timetable(raw: RawTable, table_map: TableMap) -> dict[str, pl.Series]:
    flights = table_map.flights
    columns = {
        "airline": _named(raw, flights.get("airline"), read_airlines),
        "flight_number": _named(raw, flights.get("flight_number"), read_flight_numbers),
        "origin": _airports(raw, flights["origin"], table_map.airports, origin=True),
        "destination": _airports(raw, flights["destination"], table_map.airports),
        "scheduled_departure": _moments(raw, flights["scheduled_departure"], table_map.rules),
    }
    columns |= {
        name: _words(raw, flights[name], required=False) for name in ("aircraft", "tail") if name in flights
    }
    if "scheduled_arrival" in flights:
        columns["scheduled_arrival"] = _arrival(raw, flights["scheduled_arrival"], table_map, columns)
    return columns


def _present(raw: RawTable, operation: dict[str, From]) -> dict[str, From]:
    return {
        name: source for name, source in operation.items() if set(source.columns()) <= set(raw.frame.columns)
    }


def _operation(
    raw: RawTable, table_map: TableMap, operation: dict[str, From], scheduled: pl.Series
) -> dict[str, pl.Series]:
    columns = {}
    if "departed" in operation:
        columns["departed"] = _moments(raw, operation["departed"], table_map.rules, required=False)
    if "delay_minutes" in operation:
        delay = read_minutes(raw, operation["delay_minutes"].columns()[0], table_map.rules.decimal)
        columns["departed"] = departure_after(scheduled, delay)
    if "arrived" in operation:
        columns["arrived"] = _moments(raw, operation["arrived"], table_map.rules, required=False)
    for name in ("cancelled", "diverted"):
        if name in operation:
            columns[name] = read_flags(raw, operation[name].columns()[0])
    return columns


def _words(raw: RawTable, source: From, *, required: bool = True) -> pl.Series:
    if source.column is not None:
        return read_text(raw, source.column, required=required)
    return _constant(raw, (source.constant or "").strip())


def _named(raw: RawTable, source: From | None, read: Callable[[RawTable, str], pl.Series]) -> pl.Series:
    """Read who flies, or under which number; one text for all tells no flight from another, so it is unknown."""
    return nothing(raw) if source is None or source.column is None else read(raw, source.column)


def _airports(raw: RawTable, source: From, own: OwnAirports, *, origin: bool = False) -> pl.Series:
    if source.column is not None:
        return read_airports(raw, source.column, own, origin=origin)
    try:
        return _constant(raw, code_of(capitals(source.constant or ""), own, origin=origin))
    except UnknownAirportError as failure:
        raise MapError(f"[flights] constant: {failure}; correct the map") from None


def _moments(raw: RawTable, source: From, rules: Rules, *, required: bool = True) -> pl.Series:
    if source.column is not None:
        return read_moments(raw, source.column, _datetime_formats(rules), required=required)
    *date, time = source.columns()
    clock = read_clock(raw, time, required=required)
    if len(date) > 1:
        return moment_at(read_date_parts(raw, date), clock)
    formats = DAY_FIRST_DATES if rules.day_first else (rules.date_format,)
    midnight = read_dates(raw, date[0], formats, required=required)
    return moment_at(midnight, clock)


def _datetime_formats(rules: Rules) -> tuple[str, ...]:
    if rules.datetime_format:
        return (rules.datetime_format,)
    return DAY_FIRST_FORMATS if rules.day_first else ISO_FORMATS


def _arrival(raw: RawTable, source: From, table_map: TableMap, columns: dict[str, pl.Series]) -> pl.Series:
    """Read a scheduled arrival; one that is a clock time alone is the first after departure."""
    if source.column is not None or source.date is not None or source.time is None:
        return _moments(raw, source, table_map.rules, required=False)
    clock = read_clock(raw, source.time, required=False)
    departure, origin, destination = (
        columns[name] for name in ("scheduled_departure", "origin", "destination")
    )
    return arrival_after(departure, origin, destination, clock, table_map.airports.time_zones)


def _constant(raw: RawTable, text: str) -> pl.Series:
    return pl.repeat(text, raw.frame.height, dtype=pl.String, eager=True)
