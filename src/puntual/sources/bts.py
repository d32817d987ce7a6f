"""The United States' record: the reporting-carrier on-time table of the Bureau of Transportation Statistics.

Monthly files as they are published (zipped, 109 columns and a comma behind the last), what its download form gives, and
the yearly tables that collections derive from them. Clocks are local and written `hhmm`, with `2400` for the midnight
that ends a day; a date is that of the scheduled departure. Late is from 15 minutes.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

import polars as pl

from puntual.errors import TableError
from puntual.flights.flight import LateRule
from puntual.sources.airport_codes import IDS_FILE, OwnAirports, read_airports
from puntual.sources.bts_columns import names_of
from puntual.sources.clocks import arrival_after, clock_delay, departure_after, moment_at
from puntual.sources.faults import BadRows
from puntual.sources.files import Place, beside, suffix_of
from puntual.sources.flight_table import FlightTable, Reading, assemble
from puntual.sources.large_table import read_delimited, read_parquet
from puntual.sources.mapping import PLAIN_MAP, TableMap
from puntual.sources.parsing import (
    read_airlines,
    read_clock,
    read_date_parts,
    read_dates,
    read_flags,
    read_flight_numbers,
    read_minutes,
    read_text,
)
from puntual.sources.parts import read_parts
from puntual.sources.raw_table import RawTable
from puntual.sources.table_files import CSV_OR_PARQUET, PARQUET, files_of, partition_of
from puntual.sources.zipped import unzipped

ENDINGS = (".zip", *CSV_OR_PARQUET)
REMEDY = "name a monthly file, a folder of them or a pattern with --data PLACE"
DATES = ("%Y-%m-%d", "%m/%d/%Y", "%Y%m%d")
MISSING = ("NA",)
# What carriers have written in the place of a tail that they did not report.
NO_TAILS = "NKNO|^0+$"
# How the download form writes a date: as a moment, always that of midnight.
_MIDNIGHT = r"\s+(12:00:00 AM|00:00:00|0:00)$"


def read_bts(data: Place | None, table_map: TableMap = PLAIN_MAP, *, operated: bool = True) -> FlightTable:
    """Read one file of the record, those of a folder, or those of a pattern such as `2017/*.zip`.

    Tables that are derived from the record hold ids in the place of airports' codes (all of October 2015): they are
    looked up in the publisher's T_MASTER_CORD.csv, which has to be beside the first file. Unless `operated`, the
    columns of the operation may be missing. Of the map only airports and rules for bad rows are followed. A flight
    that was diverted left and never arrived.
    """
    if data is None:
        raise TableError(f"the source bts reads files that you have; expected --data PLACE; {REMEDY}")
    files = files_of(data, ENDINGS, lambda name: name != IDS_FILE)
    ids = beside(files.places[0], IDS_FILE)
    rules, own = table_map.rules, table_map.airports
    own = OwnAirports({**_codes_by_id(ids), **own.aliases}, own.time_zones)
    raw, columns, content = read_parts(
        files,
        lambda packed, place: _parsed(packed, place, (*MISSING, *rules.missing), operated),
        lambda part: _columns(part, own, operated),
        REMEDY,
        keeps_rows=not operated,
    )
    content.update(ids)
    reading = Reading(
        "bts",
        LateRule.FROM_15,
        content.hexdigest(),
        bad_rows=BadRows(rules.bad_rows),
        time_zones=own.time_zones,
        keeps_columns=not operated,
    )
    return assemble(raw, columns, reading, _notes(columns))


def bts_files(data: Place) -> tuple[Place, ...]:
    """Give the files of the record of which each may be read alone; its own place where ids of airports are beside."""
    files = files_of(data, ENDINGS, lambda name: name != IDS_FILE)
    return (data,) if beside(files.places[0], IDS_FILE) else files.places


def _codes_by_id(ids: bytes) -> dict[str, str]:
    """Give the code of each airport's id; of several over the years, that of the latest row."""
    if not ids:
        return {}
    table = read_delimited(ids, IDS_FILE)
    columns = [table.column(name) for name in ("AIRPORT_ID", "AIRPORT")]
    if "AIRPORT_IS_LATEST" in table.frame.columns:
        order = table.column("AIRPORT_IS_LATEST").arg_sort()
        columns = [column.gather(order) for column in columns]
    return {number: code for number, code in zip(*columns, strict=True) if number and code}


def _parsed(packed: bytes, place: Place, missing: tuple[str, ...], operated: bool) -> RawTable:
    def choose(header: Sequence[str]) -> list[str]:
        named = [*header, *partition_of(place)]
        names = set(names_of(named, str(place), operated=operated).values())
        return [name for name in header if name in names]

    content = (
        unzipped(packed, place, partial(_table_in, place), REMEDY) if suffix_of(place) == ".zip" else packed
    )
    if suffix_of(place) in PARQUET:
        raw = read_parquet(content, str(place), missing, choose if operated else None)
    else:
        encoding = "utf-8" if _is_utf8(content) else "latin-1"
        raw = read_delimited(content, str(place), ",", encoding, missing, choose if operated else None)
    return replace(raw, has_map=True)


def _table_in(place: Place, members: Sequence[str]) -> str:
    """Choose the one CSV of an archive, beside which the publisher puts a page about it."""
    tables = [name for name in members if PurePosixPath(name).suffix.lower() == ".csv"]
    if len(tables) != 1:
        raise TableError(
            f"{place}: it holds {len(tables)} CSV files ({', '.join(members[:5])}); expected the one of a month; "
            "unpack it, and name the folder"
        )
    return tables[0]


def _is_utf8(content: bytes) -> bool:
    """Tell UTF-8 from the older encoding, in which a few tails of early years hold letters beyond ASCII."""
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _columns(raw: RawTable, own: OwnAirports, operated: bool) -> dict[str, pl.Series]:
    names = names_of(raw.frame.columns, raw.name, operated=operated)
    columns = {
        "scheduled_departure": _scheduled(raw, names),
        "airline": read_airlines(raw, names["airline"]),
        "flight_number": read_flight_numbers(raw, names["flight_number"]),
        "origin": read_airports(raw, names["origin"], own, origin=True),
        "destination": read_airports(raw, names["destination"], own),
    }
    if "tail" in names:
        columns["tail"] = _tails(read_text(raw, names["tail"], required=False))
    if "scheduled_arrival" in names:
        columns["scheduled_arrival"] = _arrival_at(raw, names["scheduled_arrival"], columns, own)
    if "cancelled" in names:
        columns["cancelled"] = read_flags(raw, names["cancelled"])
    if "diverted" in names:
        columns["diverted"] = read_flags(raw, names["diverted"])
    return columns | _operation(raw, names, columns, own)


def _scheduled(raw: RawTable, names: dict[str, str]) -> pl.Series:
    clock = read_clock(raw, names["scheduled_departure"])
    if "date" not in names:
        return moment_at(read_date_parts(raw, [names[part] for part in ("year", "month", "day")]), clock)
    date = names["date"]
    if raw.frame[date].dtype == pl.String:
        raw = replace(raw, frame=raw.frame.with_columns(pl.col(date).str.replace(_MIDNIGHT, "")))
    return moment_at(read_dates(raw, date, DATES), clock)


def _operation(
    raw: RawTable, names: dict[str, str], columns: dict[str, pl.Series], own: OwnAirports
) -> dict[str, pl.Series]:
    """Date departure and arrival by their delays; where one is missing, by the clock."""
    operation = {}
    scheduled = columns["scheduled_departure"]
    delay = _minutes(raw, names, "departure_delay")
    if "departure" in names:
        delay = delay.fill_null(clock_delay(scheduled, read_clock(raw, names["departure"], required=False)))
    if {"departure", "departure_delay"} & names.keys():
        operation["departed"] = departure_after(scheduled, delay)
    if "scheduled_arrival" in columns and {"arrival", "arrival_delay"} & names.keys():
        arrived = departure_after(columns["scheduled_arrival"], _minutes(raw, names, "arrival_delay"))
        if "arrival" in names and "departed" in operation:
            left = columns | {"scheduled_departure": operation["departed"]}
            arrived = arrived.fill_null(_arrival_at(raw, names["arrival"], left, own))
        operation["arrived"] = _unless(columns.get("diverted"), arrived)
    return operation


def _minutes(raw: RawTable, names: dict[str, str], field: str) -> pl.Series:
    if field in names:
        return read_minutes(raw, names[field])
    return pl.repeat(None, raw.frame.height, dtype=pl.Float64, eager=True)


def _arrival_at(raw: RawTable, column: str, columns: dict[str, pl.Series], own: OwnAirports) -> pl.Series:
    clock = read_clock(raw, column, required=False)
    departure, origin, destination = (
        columns[name] for name in ("scheduled_departure", "origin", "destination")
    )
    return arrival_after(departure, origin, destination, clock, own.time_zones)


def _unless(flags: pl.Series | None, moments: pl.Series) -> pl.Series:
    if flags is None:
        return moments
    return moments.set(flags.fill_null(False), None)


def _tails(tails: pl.Series) -> pl.Series:
    return tails.set(tails.str.contains(NO_TAILS).fill_null(False), None)


def _notes(columns: dict[str, pl.Series]) -> tuple[str, ...]:
    notes = []
    if "scheduled_arrival" in columns and (undated := columns["scheduled_arrival"].null_count()):
        notes.append(f"{undated} flights have no scheduled arrival that can be dated for sure")
    if "diverted" in columns and (diverted := int(columns["diverted"].sum())):
        notes.append(f"{diverted} flights were diverted: they left, and never arrived")
    return tuple(notes)
