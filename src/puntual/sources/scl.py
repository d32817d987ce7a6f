"""Santiago de Chile: departures in the 18-column table `dataset_SCL.csv`.

Columns that end in -I tell the schedule, those in -O the operation; DIA, MES, AÑO and DIANOM are the calendar
of the operation and are not read. No cancellations are recorded, and no tails.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl

from puntual.flights.flight import LateRule
from puntual.sources.airport_codes import OwnAirports, read_airports
from puntual.sources.faults import BadRows
from puntual.sources.files import Place, suffix_of
from puntual.sources.flight_table import FlightTable, Reading, assemble
from puntual.sources.large_table import read_delimited, read_parquet
from puntual.sources.mapping import PLAIN_MAP, TableMap
from puntual.sources.parsing import read_airlines, read_flight_numbers, read_moments
from puntual.sources.parts import read_parts
from puntual.sources.raw_table import RawTable
from puntual.sources.table_files import CSV_OR_PARQUET, PARQUET, files_of
from puntual.sources.validation import Duplicates

DEFAULT_PATH = Path("data/dataset_SCL.csv")
REMEDY = f"put the table at {DEFAULT_PATH}, or name it with --data PATH"
FORMATS = ("%Y-%m-%d %H:%M:%S",)
AS_OPERATED = ("Vlo-O", "Ori-O", "Des-O", "Emp-O")


def read_scl(
    data: Place | None = None, table_map: TableMap = PLAIN_MAP, *, operated: bool = True
) -> FlightTable:
    """Read the table, from `data/` unless another is named; late is a delay of more than 15 minutes.

    Unless `operated`, the table may lack `Fecha-O`. Of the map only airports and rules for bad rows are followed.
    """
    rules, own = table_map.rules, table_map.airports
    raw, columns, content = read_parts(
        files_of(data or DEFAULT_PATH, CSV_OR_PARQUET),
        lambda written, place: _parsed(written, place, tuple(rules.missing)),
        lambda part: _columns(part, own, operated),
        REMEDY,
        keeps_rows=not operated,
    )
    # Two aircraft flew SKU 1 to PMC on 26 March 2017: one number with two operations is what the publisher means.
    reading = Reading(
        "scl",
        LateRule.MORE_THAN_15,
        content.hexdigest(),
        Duplicates.KEEP,
        bad_rows=BadRows(rules.bad_rows),
        time_zones=own.time_zones,
        keeps_columns=not operated,
    )
    return assemble(raw, columns, reading)


def _parsed(content: bytes, place: Place, missing: tuple[str, ...]) -> RawTable:
    read = read_parquet if suffix_of(place) in PARQUET else read_delimited
    return replace(read(content, str(place), missing=missing), has_map=True)


def _columns(raw: RawTable, own: OwnAirports, operated: bool) -> dict[str, pl.Series]:
    columns = {
        "scheduled_departure": read_moments(raw, "Fecha-I", FORMATS),
        "flight_number": read_flight_numbers(raw, "Vlo-I"),
        "origin": read_airports(raw, "Ori-I", own, origin=True),
        "destination": read_airports(raw, "Des-I", own),
        "airline": read_airlines(raw, "Emp-I"),
        "operated_as": operated_as(raw),
    }
    if operated or "Fecha-O" in raw.frame.columns:
        columns["departed"] = read_moments(raw, "Fecha-O", FORMATS, required=False)
    return columns


def operated_as(raw: RawTable) -> pl.Series:
    """Join the flight as operated into one text, which only tells two operations apart."""
    present = [name for name in AS_OPERATED if name in raw.frame.columns]
    return raw.frame.select(
        pl.concat_str([pl.repeat("", pl.len()), *present], separator=" ", ignore_nulls=True)
    ).to_series()
