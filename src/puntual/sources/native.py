"""Flights under Puntual's own field names, as CSV, Excel, Parquet or JSON: what a person asks a prediction for."""

from collections.abc import Container, Mapping
from dataclasses import replace
from functools import partial

import polars as pl

from puntual.flights.flight import LateRule
from puntual.sources.airport_codes import OwnAirports, read_airports
from puntual.sources.faults import BadRows
from puntual.sources.files import digest_of
from puntual.sources.flight_table import OPTIONAL, FlightTable, Reading, assemble, note_absent
from puntual.sources.large_table import read_large_table
from puntual.sources.messages import unused
from puntual.sources.parsing import (
    DAY_FIRST_FORMATS,
    ISO_FORMATS,
    nothing,
    read_airlines,
    read_flags,
    read_flight_numbers,
    read_moments,
    read_text,
)
from puntual.sources.raw_table import RawTable
from puntual.sources.scl_partial import is_in_scl_words, read_partial
from puntual.sources.validation import Duplicates

NO_ZONES: Mapping[str, str] = {}


def read_plain(
    data: bytes,
    name: str,
    suffix: str,
    late_rule: LateRule = LateRule.FROM_15,
    bad_rows: BadRows = BadRows.REFUSE,
    time_zones: Mapping[str, str] = NO_ZONES,
    *,
    in_scl_words: bool = False,
    may_lack: Container[str] = (),
    separator: str = ",",
    day_first: bool = False,
) -> FlightTable:
    """Read flights from the bytes of a file; `suffix` is its format and `name` what messages call it.

    airline, flight_number, origin, destination and scheduled_departure are required, but for the first two where
    the table `may_lack` them; the other fields of a Flight are not. Time zones are those of the origins: for those that
    nobody lists, of `time_zones`. Columns under other names are not used, and noted. With `in_scl_words` they may be in
    the words of the Santiago table instead, in which much may be missing, and is null, and all columns of the file are
    given beside the flights. `separator` is that of CSV; `day_first` reads 31/01/2017.
    """
    raw = read_large_table(data, name, suffix, separator)
    reading = Reading("plain", late_rule, digest_of(data), bad_rows=bad_rows, time_zones=time_zones)
    reading = replace(reading, keeps_columns=in_scl_words)
    if in_scl_words and is_in_scl_words(raw):
        return read_partial(raw, replace(reading, source="scl", duplicates=Duplicates.KEEP))
    formats = DAY_FIRST_FORMATS if day_first else ISO_FORMATS
    columns = _columns(raw, OwnAirports({}, time_zones), formats, may_lack)
    return assemble(raw, columns, reading, unused(raw.frame.columns) + note_absent(columns))


# As people write what they ask about.
read_requested = partial(read_plain, in_scl_words=True, may_lack=OPTIONAL)


def _columns(
    raw: RawTable, own: OwnAirports, formats: tuple[str, ...], may_lack: Container[str]
) -> dict[str, pl.Series]:
    present = set(raw.frame.columns)
    columns = {
        name: nothing(raw) if name in may_lack and name not in present else read(raw, name)
        for name, read in (("airline", read_airlines), ("flight_number", read_flight_numbers))
    }
    columns |= {
        "origin": read_airports(raw, "origin", own, origin=True),
        "destination": read_airports(raw, "destination", own),
        "scheduled_departure": read_moments(raw, "scheduled_departure", formats),
    }
    for name in {"scheduled_arrival", "departed", "arrived"} & present:
        columns[name] = read_moments(raw, name, formats, required=False)
    for name in {"aircraft", "tail"} & present:
        columns[name] = read_text(raw, name, required=False)
    for name in {"cancelled", "diverted"} & present:
        columns[name] = read_flags(raw, name)
    return columns
