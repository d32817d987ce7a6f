"""Flights under Puntual's own field names, as CSV, Parquet or JSON: what a person asks a prediction for."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import polars as pl

from puntual.errors import TableError
from puntual.flights.flight import LateRule
from puntual.sources.airport_codes import OwnAirports, read_airports
from puntual.sources.delimited import read_delimited
from puntual.sources.faults import BadRows
from puntual.sources.files import digest_of
from puntual.sources.flight_table import FlightTable, Reading, assemble
from puntual.sources.json_rows import read_json_rows
from puntual.sources.messages import unused
from puntual.sources.parquet import read_parquet
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

READERS: dict[str, Callable[[bytes, str], RawTable]] = {
    ".csv": read_delimited,
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".json": read_json_rows,
    ".jsonl": read_json_rows,
    ".ndjson": read_json_rows,
}


NO_ZONES: Mapping[str, str] = {}


def read_plain(
    data: bytes,
    name: str,
    suffix: str,
    late_rule: LateRule = LateRule.FROM_15,
    bad_rows: BadRows = BadRows.REFUSE,
    time_zones: Mapping[str, str] = NO_ZONES,
) -> FlightTable:
    """Read flights from the bytes of a file; `suffix` is its format and `name` what messages call it.

    airline, flight_number, origin, destination and scheduled_departure are required, the other fields of a
    Flight are not. Time zones are those of the origins: for those that nobody lists, of `time_zones`. Columns under
    other names are not used, and noted.
    """
    raw = _raw(data, name, suffix)
    return _own(raw, Reading("plain", late_rule, digest_of(data), bad_rows=bad_rows, time_zones=time_zones))


def read_asked(
    data: bytes,
    name: str,
    suffix: str,
    late_rule: LateRule = LateRule.FROM_15,
    bad_rows: BadRows = BadRows.REFUSE,
    time_zones: Mapping[str, str] = NO_ZONES,
) -> FlightTable:
    """Read flights that are asked about: as `read_plain` does, or in the words of the Santiago table.

    In those words much may be missing, and is null.
    """
    raw = _raw(data, name, suffix)
    reading = Reading("plain", late_rule, digest_of(data), bad_rows=bad_rows, time_zones=time_zones)
    if is_in_scl_words(raw):
        return read_partial(raw, replace(reading, source="scl", duplicates=Duplicates.KEEP))
    return _own(raw, reading)


def _raw(data: bytes, name: str, suffix: str) -> RawTable:
    reader = READERS.get(suffix.lower())
    if reader is None:
        raise TableError(
            f"{name}: format {suffix!r} is unknown; expected one of {', '.join(READERS)}; convert the file"
        )
    return reader(data, name)


def _own(raw: RawTable, reading: Reading) -> FlightTable:
    return assemble(
        raw, _columns(raw, OwnAirports({}, reading.time_zones)), reading, unused(raw.frame.columns)
    )


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
