"""Flights under Puntual's own field names, as CSV, Parquet or JSON: what a person asks a prediction for."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import polars as pl

from puntual.flights.flight import LateRule
from puntual.sources.airport_codes import OwnAirports, read_airports
from puntual.sources.faults import BadRows
from puntual.sources.files import digest_of
from puntual.sources.flight_table import FlightTable, Reading, assemble
from puntual.sources.large_table import read_large_table
from puntual.sources.messages import unused
from puntual.sources.parsing import (
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
) -> FlightTable:
    """Read flights from the bytes of a file; `suffix` is its format and `name` what messages call it.

    airline, flight_number, origin, destination and scheduled_departure are required, the other fields of a
    Flight are not. Time zones are those of the origins: for those that nobody lists, of `time_zones`. Columns under
    other names are not used, and noted. With `in_scl_words` they may be in the words of the Santiago table
    instead, in which much may be missing, and is null.
    """
    raw = read_large_table(data, name, suffix)
    reading = Reading("plain", late_rule, digest_of(data), bad_rows=bad_rows, time_zones=time_zones)
    if in_scl_words and is_in_scl_words(raw):
        return read_partial(raw, replace(reading, source="scl", duplicates=Duplicates.KEEP))
    return assemble(raw, _columns(raw, OwnAirports({}, time_zones)), reading, unused(raw.frame.columns))


# As people write what they ask about.
read_requested = partial(read_plain, in_scl_words=True)


def _columns(raw: RawTable, own: OwnAirports) -> dict[str, pl.Series]:
    columns = {
        "airline": read_airlines(raw, "airline"),
        "flight_number": read_flight_numbers(raw, "flight_number"),
        "origin": read_airports(raw, "origin", own, origin=True),
        "destination": read_airports(raw, "destination", own),
        "scheduled_departure": read_moments(raw, "scheduled_departure"),
    }
    present = set(raw.frame.columns)
    for name in {"scheduled_arrival", "departed"} & present:
        columns[name] = read_moments(raw, name, required=False)
    for name in {"aircraft", "tail"} & present:
        columns[name] = read_text(raw, name, required=False)
    if "cancelled" in present:
        columns["cancelled"] = read_flags(raw, "cancelled")
    return columns
