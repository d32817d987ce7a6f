"""Typed columns of a source → a FlightTable: checked, sorted, every row left out counted by reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from puntual.flights.flight import LateRule
from puntual.flights.schema import SCHEMA
from puntual.sources.airport_codes import NOTED_AIRPORTS, unlisted_codes, zones_of
from puntual.sources.faults import BadRows, ordered, refusal
from puntual.sources.flight_numbers import clean_flight_numbers
from puntual.sources.raw_table import RawTable
from puntual.sources.shown_departures import mark_skipped, note_twice
from puntual.sources.validation import (
    FAR_FROM_SCHEDULE,
    KEY,
    Duplicates,
    describe,
    duplicates_fault,
    far_from_schedule,
    repeated,
    unwelcome,
)

NOTED = 3
# What a table may lack: without it, nothing is counted by airline or by flight number.
OPTIONAL = ("airline", "flight_number")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows of a table that are not among its flights: why, how many, and where the first of them stands."""

    reason: str
    count: int
    example: str


@dataclass(frozen=True, eq=False)
class FlightTable:
    """Flights with `schema.SCHEMA`, sorted by scheduled departure, origin, airline, number and destination.

    `rows` were read; each is among `flights` or counted in `left_out`. `records` gives, for each flight, the
    position of its row in the file, from 0. `digest` is the SHA-256 of the file's bytes. `arrived` is when each flight
    landed, by the clocks there, and `diverted` whether it came down elsewhere, where the source tells it. `weather` is
    what was observed at airports, as `sources/observed.py` reads it. `notes` are for the report. `given` holds the
    columns of each flight's row as the file has them, where they were to be kept.
    """

    flights: pl.DataFrame
    late_rule: LateRule
    digest: str
    source: str
    rows: int
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    records: pl.Series
    given: pl.DataFrame | None = None
    arrived: pl.Series | None = None
    weather: pl.DataFrame | None = None
    diverted: pl.Series | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source says of itself: its name, late rule and digest, and what a repeated flight means.

    `bad_rows` says what to do with rows that cannot be read, `time_zones` the zones of airports that nobody lists,
    `keeps_columns` that the columns of the file are to be given beside the flights.
    """

    source: str
    late_rule: LateRule
    digest: str
    duplicates: Duplicates = Duplicates.REFUSE
    missing_departure_is_cancelled: bool = False
    bad_rows: BadRows = BadRows.REFUSE
    time_zones: Mapping[str, str] = field(default_factory=dict)
    keeps_columns: bool = False


def assemble(
    raw: RawTable, columns: Mapping[str, pl.Series], reading: Reading, notes: tuple[str, ...] = ()
) -> FlightTable:
    """Check and sort typed columns; beside the schema's, `operated_as`, `arrived` and `diverted` tell of operations.

    Rows that are wrong, or repeat a flight, are all refused in one error or left out, as the reading says.
    """
    draft = _draft(raw, columns, reading)
    twice_shown = mark_skipped(raw, draft, requested=reading.keeps_columns)
    draft = _readable(raw, draft)
    off_called = draft.filter(pl.col("cancelled") & pl.col("departed").is_not_null())
    draft = draft.with_columns(departed=pl.when(~pl.col("cancelled").fill_null(False)).then("departed"))
    draft, astray = _leave_out(raw, draft, far_from_schedule(draft), FAR_FROM_SCHEDULE)
    # The position decides between two rows of one flight, so that "first" means the first in the file.
    draft = draft.sort(*KEY, "record")
    twice = repeated(draft)
    repeats = unwelcome(draft, twice, reading.duplicates)
    _refuse(raw, repeats, reading.bad_rows)
    drop = twice if reading.duplicates is Duplicates.FIRST else draft["row"].is_in(repeats["row"].implode())
    draft, repeated_rows = _leave_out(raw, draft, drop, "the same flight stands in an earlier row")
    notes += _note_cancelled(raw, off_called) + _note_kept(raw, draft, reading.duplicates)
    return FlightTable(
        draft.select(SCHEMA.names()),
        reading.late_rule,
        reading.digest,
        reading.source,
        raw.height,
        _left_blank(raw) + _left_unreadable(raw) + astray + repeated_rows,
        (
            *notes,
            *_note_unlisted(raw, draft),
            *_note_round_trips(raw, draft),
            *note_twice(draft.filter(pl.col("row").is_in(twice_shown.implode())), partial(_example, raw)),
        ),
        draft["record"],
        raw.frame[draft["row"]] if reading.keeps_columns else None,
        draft["arrived"] if draft["arrived"].count() else None,
        diverted=draft["diverted"] if draft["diverted"].count() else None,
    )


def note_absent(columns: Mapping[str, pl.Series]) -> tuple[str, ...]:
    """Note which of `OPTIONAL` no row tells."""
    return tuple(
        f"no column tells the {name.replace('_', ' ')}, so it is unknown, and no history is counted by it"
        for name in OPTIONAL
        if not columns[name].count()
    )


def _readable(raw: RawTable, draft: pl.DataFrame) -> pl.DataFrame:
    if not raw.faults:
        return draft
    return draft.filter(~pl.col("row").is_in(ordered(raw.faults)["row"].unique().implode()))


def _refuse(raw: RawTable, repeats: pl.DataFrame, rule: BadRows) -> None:
    """Raise all that is wrong, unless such rows are to be left out and there are others."""
    faults = [*raw.faults, *([duplicates_fault(repeats)] if repeats.height else [])]
    none_left = ordered(raw.faults)["row"].n_unique() == raw.frame.height
    if faults and (rule is BadRows.REFUSE or none_left):
        raise refusal(raw.name, faults, raw.places)


def _left_unreadable(raw: RawTable) -> tuple[LeftOut, ...]:
    """Count the rows left out for each reason; a row that is wrong in several ways counts for the first."""
    if not raw.faults:
        return ()
    first = ordered(raw.faults).unique("row", keep="first", maintain_order=True)
    counted = first.group_by("fault", maintain_order=True).agg(pl.len(), pl.col("row", "position").first())
    return tuple(
        LeftOut(raw.faults[fault].reason, count, raw.faults[fault].example(position, raw.places([row])))
        for fault, count, row, position in counted.sort("fault").rows()
    )


def _draft(raw: RawTable, columns: Mapping[str, pl.Series], reading: Reading) -> pl.DataFrame:
    """Put the columns under the schema's names and types, with null where a source has nothing to say."""
    types = dict(SCHEMA) | {
        "operated_as": pl.String(),
        "arrived": pl.Datetime("us"),
        "diverted": pl.Boolean(),
    }
    given = dict(columns) | {
        "time_zone": zones_of(columns["origin"], reading.time_zones),
        "flight_number": clean_flight_numbers(columns["flight_number"], columns["airline"]),
    }
    height = raw.frame.height
    series = [
        given[name].cast(dtype).rename(name)
        if name in given
        else pl.Series(name, [None], dtype).extend_constant(None, height - 1)
        for name, dtype in types.items()
    ]
    return _with_cancelled(
        pl.DataFrame([*series, raw.records.rename("record")]).with_row_index("row"),
        reading.missing_departure_is_cancelled,
    )


def _with_cancelled(draft: pl.DataFrame, missing_is_cancelled: bool) -> pl.DataFrame:
    """Say of a flight that has left that it was not cancelled; of others, only what the source says."""
    without = pl.lit(True) if missing_is_cancelled else pl.lit(None, dtype=pl.Boolean)
    implied = pl.when(pl.col("departed").is_not_null()).then(False).otherwise(without)
    return draft.with_columns(pl.col("cancelled").fill_null(implied))


def _leave_out(
    raw: RawTable, draft: pl.DataFrame, drop: pl.Series, reason: str
) -> tuple[pl.DataFrame, tuple[LeftOut, ...]]:
    gone = draft.filter(drop)
    if gone.is_empty():
        return draft, ()
    return draft.filter(~drop), (LeftOut(reason, gone.height, _example(raw, gone.row(0, named=True))),)


def _left_blank(raw: RawTable) -> tuple[LeftOut, ...]:
    blank = raw.height - raw.frame.height
    if not blank:
        return ()
    gaps = raw.records != pl.Series(range(raw.records.len()), dtype=pl.UInt32)
    first = int(gaps.arg_max() or 0) if gaps.any() else raw.records.len()
    return (LeftOut("blank row", blank, raw.places_of_records([first])[0]),)


def _note_cancelled(raw: RawTable, both: pl.DataFrame) -> tuple[str, ...]:
    if both.is_empty():
        return ()
    example = _example(raw, both.row(0, named=True))
    return (f"cancelled flights that have a departure, which is not used: {both.height} ({example})",)


def _note_kept(raw: RawTable, draft: pl.DataFrame, rule: Duplicates) -> tuple[str, ...]:
    twice = repeated(draft)
    if rule is not Duplicates.KEEP or not twice.any():
        return ()
    kept = draft.filter(twice | twice.shift(-1, fill_value=False))
    examples = "; ".join(_example(raw, row) for row in kept.head(NOTED).iter_rows(named=True))
    return (f"rows that repeat a flight with another operation, kept: {int(twice.sum())} ({examples})",)


def _note_unlisted(raw: RawTable, draft: pl.DataFrame) -> tuple[str, ...]:
    """Count the flights of each airport that nobody lists, with the first row of them."""
    ends = ("origin", "destination")
    unlisted = unlisted_codes(pl.concat([draft[name].unique() for name in ends]))
    notes = []
    for code in unlisted[:NOTED_AIRPORTS]:
        flights = draft.filter(pl.any_horizontal(pl.col(name).eq_missing(code) for name in ends))
        notes.append(
            f"airport {code!r} is listed neither by IATA nor by ICAO, so its flights have no distance, bearing or "
            f"border: {flights.height} ({_example(raw, flights.sort('record').row(0, named=True))})"
        )
    rest = len(unlisted) - len(notes)
    return (*notes, *([f"{rest} more airports are listed neither by IATA nor by ICAO"] if rest else ()))


def _note_round_trips(raw: RawTable, draft: pl.DataFrame) -> tuple[str, ...]:
    """Count the flights that go to where they come from, with the first row of them."""
    flights = draft.filter(pl.col("origin") == pl.col("destination")).sort("record")
    if flights.is_empty():
        return ()
    example = _example(raw, flights.row(0, named=True))
    return (f"flights whose destination is their origin, which are kept: {flights.height} ({example})",)


def _example(raw: RawTable, flight: dict[str, object]) -> str:
    return f"{raw.places_of_records([int(str(flight['record']))])[0]}: {describe(flight)}"
