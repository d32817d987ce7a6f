"""A draft of a map for a table that nobody has described yet, with a mark on all that it is unsure of."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import polars as pl

from puntual.errors import TableError
from puntual.sources.column_guess import (
    CLOCK,
    NUMBER,
    ColumnSample,
    Guess,
    share_of,
    share_of_airline_codes,
    share_of_airlines,
    share_of_airports,
    share_true,
)
from puntual.sources.files import Place, read_bytes, suffix_of
from puntual.sources.large_table import read_delimited, read_large_table
from puntual.sources.parsing import DAY_FIRST_DATES, DAY_FIRST_FORMATS, ISO_DATES, ISO_FORMATS, NO, YES
from puntual.sources.raw_table import MISSING_WORDS, RawTable

UNSURE = "# unsure: "
SAMPLE = 5_000
MONTH_FIRST_DATES = ("%m/%d/%Y",)
MONTH_FIRST_FORMATS = ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p")
Ways = dict[str, tuple[str, ...]]
MOMENTS: Ways = {"iso": ISO_FORMATS, "day": DAY_FIRST_FORMATS, "month": MONTH_FIRST_FORMATS}
DATES: Ways = {
    "iso": (*ISO_DATES, "%Y-%m-%d %H:%M:%S%.f"),
    "day": DAY_FIRST_DATES,
    "month": MONTH_FIRST_DATES,
}
DATES |= {"digits": ("%Y%m%d",)}
WITH_OFFSET = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$"
YES_OR_NO = r"(?i)^(" + "|".join([*YES, *NO]).replace(".", r"\.") + ")$"


@dataclass
class Draft:
    """The lines of a map by section, each with what is unsure of it."""

    lines: dict[str, list[str]] = field(default_factory=lambda: {"flights": [], "operation": [], "rules": []})
    unsure: int = 0

    def put(self, section: str, key: str, value: str, doubt: str = "") -> None:
        """Add a line; a doubt stands behind it."""
        self.unsure += bool(doubt)
        self.lines[section].append(f"{key} = {value}" + (f"    {UNSURE}{doubt}" if doubt else ""))

    def leave_out(self, section: str, key: str, doubt: str) -> None:
        """Add a line that maps nothing, in the place of one that is to be written by hand where it can."""
        self.unsure += 1
        self.lines[section].append(f'# {key} = "…"    {UNSURE}{doubt}')

    def text(self) -> str:
        """Write the map."""
        return (
            "\n\n".join("\n".join([f"[{section}]", *lines]) for section, lines in self.lines.items() if lines)
            + "\n"
        )


def draft_map(place: Place) -> Draft:
    """Draft the map of a table by looking at its names and values.

    Raise TableError where no column tells the scheduled departure or the destination.
    """
    draft = Draft()
    raw = _read(read_bytes(place, "name your table"), place, draft)
    sample = raw.frame.gather_every(max(1, raw.frame.height // SAMPLE)).head(SAMPLE)
    _draft_missing(sample, draft)
    columns = ColumnSample(_without_missing(sample))
    _draft_airports(columns, draft, raw.name)
    _draft_departure(columns, draft, raw.name)
    _draft_names(columns, draft)
    _draft_operation(columns, draft)
    draft.put("rules", "late", '">=15"', 'the usual rule: write ">15" if 15 minutes are not yet late')
    return draft


def _read(data: bytes, place: Place, draft: Draft) -> RawTable:
    if suffix_of(place) not in ("", ".csv", ".txt", ".tsv"):
        return read_large_table(data, str(place), suffix_of(place))
    encoding = "utf-8"
    try:
        data.decode()
    except UnicodeDecodeError:
        encoding = "cp1252"
        draft.put("rules", "encoding", '"cp1252"', "it is not UTF-8; look at the accents")
    header = data.split(b"\n", 1)[0].decode(encoding, "replace")
    separator = max((",", ";", "\t", "|"), key=header.count)
    if separator != ",":
        draft.put("rules", "separator", _quoted(separator))
    return read_delimited(data, str(place), separator, encoding)


def _draft_missing(sample: pl.DataFrame, draft: Draft) -> None:
    words = {word for name in sample.columns for word in _missing_words(sample[name])}
    if words:
        draft.put("rules", "missing", f"[{', '.join(map(_quoted, sorted(words)))}]")


def _missing_words(cells: pl.Series) -> Iterable[str]:
    return cells.filter(cells.is_in(MISSING_WORDS)).unique().to_list() if cells.dtype == pl.String else ()


def _without_missing(sample: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name in sample.columns if sample[name].dtype == pl.String]
    return sample.with_columns(pl.when(~pl.col(name).is_in(MISSING_WORDS)).then(name) for name in texts)


def _draft_airports(columns: ColumnSample, draft: Draft, name: str) -> None:
    origin = columns.guess("origin", share_of_airports)
    destination = columns.guess("destination", share_of_airports, by_value=True)
    origin = origin or columns.guess("origin", share_of_airports, by_value=True)
    if destination is None:
        raise TableError(
            f"{name}: no column holds codes of airports to fly to; expected IATA or ICAO codes, such as MIA; "
            "add such a column, or write the map by hand"
        )
    if origin is None:
        draft.put(
            "flights", "origin", '{ constant = "SCL" }', "no column tells it: write your airport's code"
        )
    else:
        _put(draft, "flights", "origin", origin)
    _put(draft, "flights", "destination", destination)


def _draft_departure(columns: ColumnSample, draft: Draft, name: str) -> None:
    key = "scheduled_departure"
    moment = columns.guess("moment", _readable(MOMENTS))
    if moment is not None:
        _put(draft, "flights", key, moment)
        _draft_format(columns.texts[moment.column], MOMENTS, "datetime_format", draft)
        return
    clock = columns.guess("clock", share_of(CLOCK_OR_WHOLE))
    parts = [columns.guess(part, share_of(CLOCK_OR_WHOLE)) for part in ("year", "month", "day")]
    date = None if all(parts) else columns.guess("date", _readable(DATES))
    if clock and all(parts):
        names = (_quoted(part.column) for part in parts if part)
        value = "year = {}, month = {}, day = {}".format(*names)
        draft.put("flights", key, f"{{ {value}, time = {_quoted(clock.column)} }}", clock.doubt)
    elif clock and date:
        value = f"{{ date = {_quoted(date.column)}, time = {_quoted(clock.column)} }}"
        draft.put("flights", key, value, date.doubt or clock.doubt)
        _draft_format(columns.texts[date.column], DATES, "date_format", draft)
    else:
        _draft_lone_moment(columns, draft, name)


def _draft_lone_moment(columns: ColumnSample, draft: Draft, name: str) -> None:
    moment = columns.guess("date", _readable(MOMENTS)) or columns.guess(
        "date", _readable(MOMENTS), by_value=True
    )
    if moment is None:
        _refuse_offsets(columns, name)
        raise TableError(
            f"{name}: no column tells when a flight is scheduled to leave; expected a date with a time of day, or "
            "a column for each; write the map by hand"
        )
    draft.put(
        "flights", "scheduled_departure", _quoted(moment.column), "is it the schedule, not the departure?"
    )
    _draft_format(columns.texts[moment.column], MOMENTS, "datetime_format", draft)


def _refuse_offsets(columns: ColumnSample, name: str) -> None:
    """Name a column of moments in UTC: a timetable is kept by the clocks of the origin, and so are its patterns."""
    for column, texts in columns.texts.items():
        if len(texts) and share_of(WITH_OFFSET)(texts) >= 0.5:
            raise TableError(
                f"{name}: column {column!r} holds times such as {texts[0]!r}; expected local times of the origin "
                "without an offset; add a column of these, and draft the map anew"
            )


# Of a column of numbers with a gap a file makes floats.
CLOCK_OR_WHOLE = CLOCK.replace(r"\d{1,4})$", r"\d{1,4}(\.0)?)$")


def _draft_names(columns: ColumnSample, draft: Draft) -> None:
    airline = columns.guess("airline", share_of_airlines)
    number = columns.guess("flight_number", share_of(r"^[A-Za-z0-9 ]{1,8}(\.0)?$"))
    airline = airline or columns.guess("airline", share_of_airline_codes, by_value=True)
    for key, guess in (("airline", airline), ("flight_number", number)):
        if guess is None:
            draft.leave_out("flights", key, "no column tells it, so it is unknown")
        else:
            _put(draft, "flights", key, guess)
    for key in ("tail", "aircraft"):
        guess = columns.guess(key, share_of("."))
        if guess is not None:
            _put(draft, "flights", key, guess)
    arrival = columns.guess("arrival", share_of(CLOCK_OR_WHOLE))
    if arrival is not None:
        draft.put("flights", "scheduled_arrival", f"{{ time = {_quoted(arrival.column)} }}", arrival.doubt)


def _draft_operation(columns: ColumnSample, draft: Draft) -> None:
    delay = columns.guess("delay", share_of(NUMBER))
    departed = None if delay else columns.guess("departed", _readable(MOMENTS))
    cancelled = columns.guess("cancelled", share_of(YES_OR_NO))
    if delay is not None:
        _put(draft, "operation", "delay_minutes", delay)
        if share_of(r",")(columns.texts[delay.column]):
            draft.put("rules", "decimal", '","')
    elif departed is not None:
        _put(draft, "operation", "departed", departed)
    if cancelled is not None:
        _put(draft, "operation", "cancelled", cancelled)
    operated = delay or departed
    if operated is None:
        draft.leave_out("operation", "departed", "no column tells it: nothing can be learnt without")
    elif cancelled is None and 0 < columns.empty[operated.column] < 0.2:
        doubt = "is a flight without a departure a cancelled one?"
        draft.put("rules", "missing_departure_is_cancelled", "true", doubt)


def _readable(ways: Ways) -> Callable[[pl.Series], float]:
    return lambda texts: max(_share_read(texts, formats) for formats in ways.values())


def _share_read(texts: pl.Series, formats: tuple[str, ...]) -> float:
    stripped = texts.str.strip_chars()
    read = stripped.is_null()
    for form in formats:
        parse = stripped.str.to_datetime if "%H" in form or "%I" in form else stripped.str.to_date
        read |= parse(form, strict=False).is_not_null()
    return share_true(read)


def _draft_format(texts: pl.Series, ways: Ways, rule: str, draft: Draft) -> None:
    """Say how dates are written; a table whose days are all below 13 does not tell days from months."""
    shares = {way: _share_read(texts, formats) for way, formats in ways.items()}
    best = max(shares, key=lambda way: shares[way])
    doubt = ""
    if best in ("day", "month") and shares["day"] == shares["month"]:
        doubt = "days and months cannot be told apart here"
    if best == "day":
        draft.put("rules", "day_first", "true", doubt)
    elif best != "iso":
        fitting = max(ways[best], key=lambda form: _share_read(texts, (form,)))
        draft.put("rules", rule, _quoted(fitting), doubt)


def _put(draft: Draft, section: str, key: str, guess: Guess) -> None:
    draft.put(section, key, _quoted(guess.column), guess.doubt)


def _quoted(text: str) -> str:
    # A basic string of TOML is written as one of JSON is.
    return json.dumps(text, ensure_ascii=False)
