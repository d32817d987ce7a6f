"""Flights in the words of the Santiago table, of which some may be missing: what a cell does not say is null.

`Emp-I` and `Des-I` come before the operator and the city, which name them less exactly.
"""

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from puntual.flights.flight import FLIGHT_FIELDS
from puntual.sources.airport_codes import OwnAirports, read_airports
from puntual.sources.flight_table import FlightTable, Reading, assemble
from puntual.sources.parsing import (
    ISO_FORMATS,
    nothing,
    read_choices,
    read_flight_numbers,
    read_moments,
    read_text,
)
from puntual.sources.raw_table import RawTable
from puntual.sources.scl import operated_as
from puntual.sources.scl_words import (
    AIRLINES,
    CITIES,
    EXPECTED,
    INTERNATIONAL,
    MONTHS,
    ORIGIN,
    WORDS,
    airline_of,
)


def is_in_scl_words(raw: RawTable) -> bool:
    """Tell whether a table speaks in these words, and in none of Puntual's own."""
    columns = set(raw.frame.columns)
    return bool(columns & set(WORDS)) and not columns & set(FLIGHT_FIELDS)


def read_partial(raw: RawTable, reading: Reading) -> FlightTable:
    """Read flights of which some fields may be unknown; an operation only tells two flights of one number apart.

    Beside `schema.SCHEMA` they have `month` and `international`, which tell what else is known of a flight without
    a date or a destination.
    """
    own = OwnAirports({}, reading.time_zones)
    columns = {
        "scheduled_departure": _departures(raw),
        "flight_number": _numbers(raw),
        "origin": _origins(raw, own),
        "destination": _destinations(raw, own),
        "airline": _airlines(raw),
        "operated_as": operated_as(raw),
    }
    if "Fecha-O" in raw.frame.columns:
        columns["departed"] = read_moments(raw, "Fecha-O", ISO_FORMATS, required=False)
    beside = pl.DataFrame(
        {
            "record": raw.records,
            "month": _choices(raw, "MES", MONTHS).replace_strict(MONTHS, return_dtype=pl.Int64),
            "international": _choices(raw, "TIPOVUELO", INTERNATIONAL).replace_strict(
                INTERNATIONAL, return_dtype=pl.Float64
            ),
        }
    )
    table = assemble(raw, columns, reading)
    known = table.records.to_frame("record").join(beside, on="record", how="left", maintain_order="left")
    return replace(table, flights=table.flights.hstack(known.drop("record")))


def _departures(raw: RawTable) -> pl.Series:
    if "Fecha-I" not in raw.frame.columns:
        return nothing(raw, pl.Datetime("us"))
    return read_moments(raw, "Fecha-I", ISO_FORMATS, required=False)


def _numbers(raw: RawTable) -> pl.Series:
    if "Vlo-I" not in raw.frame.columns:
        return nothing(raw)
    return read_flight_numbers(raw, "Vlo-I", required=False)


def _origins(raw: RawTable, own: OwnAirports) -> pl.Series:
    if "Ori-I" not in raw.frame.columns:
        return pl.repeat(ORIGIN, raw.frame.height, dtype=pl.String, eager=True)
    return read_airports(raw, "Ori-I", own, required=False, origin=True).fill_null(ORIGIN)


def _destinations(raw: RawTable, own: OwnAirports) -> pl.Series:
    cities = nothing(raw)
    if "SIGLADES" in raw.frame.columns:
        cities = read_text(raw, "SIGLADES", required=False).replace_strict(CITIES, default=None)
    if "Des-I" not in raw.frame.columns:
        return cities
    return read_airports(raw, "Des-I", own, required=False).fill_null(cities)


def _airlines(raw: RawTable) -> pl.Series:
    codes = {operator: airline_of(operator) for operator in AIRLINES}
    operators = _choices(raw, "OPERA", AIRLINES).replace_strict(codes, return_dtype=pl.String)
    if "Emp-I" not in raw.frame.columns:
        return operators
    return read_text(raw, "Emp-I", required=False).str.to_uppercase().fill_null(operators)


def _choices(raw: RawTable, column: str, choices: Iterable[str]) -> pl.Series:
    if column not in raw.frame.columns:
        return nothing(raw)
    return read_choices(raw, column, choices, EXPECTED[column])
