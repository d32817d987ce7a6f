"""One column of a RawTable → typed values; cells that cannot be read are null, and marked in the table."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import polars as pl

from puntual.flights.flight import EARLIEST, LATEST
from puntual.sources import times
from puntual.sources.limits import LONGEST_TEXT, NUL, SHORT_ENOUGH, WITHOUT_NUL
from puntual.sources.raw_table import CORRECT, RawTable

ISO_FORMATS = tuple(times.FORMS)
ISO_DATES = ("%Y-%m-%d",)
# With the day before the month, as most of the world writes it; a four-digit year says which is which.
DAY_FIRST_DATES = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y")
DAY_FIRST_FORMATS = tuple(f"{date} {clock}" for date in DAY_FIRST_DATES for clock in ("%H:%M:%S%.f", "%H:%M"))
_WRITTEN = f"^{times.LOCAL}$"
YES = ("true", "yes", "y", "t", "1", "1.0", "1.00")
NO = ("false", "no", "n", "f", "0", "0.0", "0.00")
# Longer than any delay that is kept, and short enough to be added to any date.
FARTHEST_MINUTES = 1_000_000.0
# Values that stand so often, in the mean, are read once each.
_RECURRING = 16
IN_RANGE = f"a date from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}"


def nothing(raw: RawTable, dtype: pl.DataType | None = None) -> pl.Series:
    """Give a column that says nothing of any row; text, unless it is of another type."""
    return pl.repeat(None, raw.frame.height, dtype=dtype or pl.String(), eager=True)


def read_text(raw: RawTable, column: str, *, required: bool = True) -> pl.Series:
    """Read text without the white space around it; a blank cell is null, and wrong where it is required."""
    cells = _as_text(raw.column(column))
    stripped = cells.str.strip_chars()
    text = stripped.to_frame("text").select(pl.when(pl.col("text") != "").then("text")).to_series()
    if required:
        raw.mark(column, text.is_null(), "text in every row")
    # No text has more letters than bytes, which are not counted one by one.
    if (cells.str.len_bytes() > LONGEST_TEXT).any():
        raw.mark(column, cells.str.len_chars() > LONGEST_TEXT, SHORT_ENOUGH)
    raw.mark(column, cells.str.contains(NUL, literal=True), WITHOUT_NUL)
    return text


def read_airlines(raw: RawTable, column: str) -> pl.Series:
    """Read airline codes or names in upper case."""
    return read_text(raw, column).str.to_uppercase()


def read_moments(
    raw: RawTable, column: str, formats: tuple[str, ...] = ISO_FORMATS, *, required: bool = True
) -> pl.Series:
    """Read local wall-clock times without an offset, in the first of `formats` that fits each cell."""
    values = raw.column(column)
    expectation = f"a local date and time without an offset, such as 2017-01-31 13:45 ({formats[0]})"
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is None:
        moments = values.cast(pl.Datetime("us"), strict=False)
    else:
        moments = _parsed(_as_text(values).str.strip_chars(), formats)
    filled = _filled(values)
    raw.mark(
        column,
        moments.is_null() & filled,
        expectation,
        "say datetime_format in the map, or " + CORRECT,
        required=required,
    )
    if required:
        raw.mark(column, ~filled, expectation)
    return _in_range(raw, column, moments, required=required)


def read_dates(
    raw: RawTable, column: str, formats: tuple[str, ...] = ISO_DATES, *, required: bool = True
) -> pl.Series:
    """Read dates, as the midnight that starts them."""
    values = raw.column(column)
    if values.dtype == pl.Date or values.dtype == pl.Datetime:
        dates = values.cast(pl.Date, strict=False).cast(pl.Datetime("us"))
    else:
        dates = _parsed_dates(_as_text(values).str.strip_chars(), formats)
    wrong = dates.is_null() if required else dates.is_null() & _filled(values)
    raw.mark(
        column,
        wrong,
        f"a date such as 2017-01-31 ({formats[0]})",
        "say date_format in the map, or " + CORRECT,
        required=required,
    )
    return _in_range(raw, column, dates, required=required)


def read_date_parts(raw: RawTable, columns: Sequence[str]) -> pl.Series:
    """Read dates of which year, month and day stand in a column each."""
    parts = [_whole_as_text(raw.column(name)).str.strip_chars().rename(name) for name in columns]
    joined = pl.DataFrame(parts).select(pl.concat_str(pl.all(), separator="-").alias(columns[-1]))
    return read_dates(replace(raw, frame=joined), columns[-1])


def read_clock(raw: RawTable, column: str, *, required: bool = True) -> pl.Series:
    """Read times of day, `1345` or `13:45`, as minutes after midnight; 2400 is the end of the day."""
    values = raw.column(column)
    minutes = _by_distinct(values, _minutes_of_day)
    wrong = minutes.is_null() if required else _unread(values, minutes)
    raw.mark(column, wrong, "a time of day such as 1345 or 13:45", required=required)
    return minutes


def _minutes_of_day(values: pl.Series) -> pl.Series:
    """Turn times of day into minutes after midnight; null for what is none."""
    digits = _whole_as_text(values).str.strip_chars().str.replace(r"^(\d{1,2}):(\d\d)(:00)?$", "${1}${2}")
    number = digits.to_frame("digits").select(
        pl.when(pl.col("digits").str.contains(r"^\d{1,4}$")).then(
            pl.col("digits").cast(pl.Int32, strict=False)
        )
    )
    minutes = (number.to_series() // 100 * 60 + number.to_series() % 100).alias(values.name)
    return _blank(minutes, ~((number.to_series() % 100 < 60) & (minutes <= 24 * 60)))


def _by_distinct(values: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Read a column whose values recur, by the distinct ones among them."""
    distinct = values.drop_nulls().unique()
    if _RECURRING * len(distinct) > len(values) or values.dtype.is_nested():
        return read(values)
    known = read(distinct)
    return values.replace_strict(distinct, known, default=None, return_dtype=known.dtype)


def read_choices(raw: RawTable, column: str, choices: Iterable[str], expectation: str) -> pl.Series:
    """Read text that is one of some choices; a blank cell is null."""
    text = read_text(raw, column, required=False)
    wrong = ~text.is_in(list(choices)) & text.is_not_null()
    raw.mark(column, wrong, expectation, required=False)
    return _blank(text, wrong)


def read_minutes(raw: RawTable, column: str, decimal: str = ".") -> pl.Series:
    """Read minutes, whole or not, negative when early; a blank cell is null."""
    values = raw.column(column)
    numeric = values
    if not values.dtype.is_numeric():
        numeric = _as_text(values).str.strip_chars()
        numeric = numeric if decimal == "." else numeric.str.replace(decimal, ".", literal=True)
    minutes = numeric.cast(pl.Float64, strict=False).fill_nan(None)
    raw.mark(column, _unread(values, minutes), "a number of minutes such as 12 or -3", required=False)
    return minutes.clip(-FARTHEST_MINUTES, FARTHEST_MINUTES)


def read_flags(raw: RawTable, column: str) -> pl.Series:
    """Read yes or no: true/false, yes/no, y/n, t/f, 1/0, in any case; a blank cell is null."""
    values = raw.column(column)
    text = _as_text(values).str.strip_chars().str.to_lowercase()
    words = [*YES, *NO]
    meaning = [True] * len(YES) + [False] * len(NO)
    flags = text.replace_strict(words, meaning, default=None, return_dtype=pl.Boolean)
    wrong = flags.is_null() & _filled(values)
    raw.mark(column, wrong, "true or false, yes or no, 1 or 0", required=False)
    return flags


def read_flight_numbers(raw: RawTable, column: str, *, required: bool = True) -> pl.Series:
    """Read flight numbers as text: `989P` occurs, and a number that a file stores as 226.0 is 226."""
    values = raw.column(column)
    if not values.dtype.is_float():
        return read_text(raw, column, required=required)
    numbers = _whole_as_text(values)
    if required:
        raw.mark(column, numbers.is_null(), "a flight number in every row")
    return numbers


def _whole_as_text(values: pl.Series) -> pl.Series:
    if not values.dtype.is_float():
        return _as_text(values)
    whole = values.cast(pl.Int64, strict=False)
    return whole.cast(pl.String) if (whole == values).fill_null(True).all() else values.cast(pl.String)


def _as_text(values: pl.Series) -> pl.Series:
    if values.dtype == pl.String:
        return values
    # Lists cannot be cast: they become blank, and are refused where a value is required.
    return (
        values.cast(pl.String, strict=False)
        if not values.dtype.is_nested()
        else values.clear(values.len()).cast(pl.String)
    )


def _parsed(text: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    """Try the formats in turn, each only where those before it left something unread."""
    if formats == ISO_FORMATS:
        # Formats alone would let through what the reader of small tables does not.
        written = text.to_frame("t").select(pl.when(pl.col("t").str.contains(_WRITTEN)).then("t"))
        return _parsed_in_turn(written.to_series().rename(text.name), formats)
    return _parsed_in_turn(text, formats)


def _parsed_in_turn(text: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    parsed = text.str.to_datetime(formats[0], strict=False, time_unit="us")
    if len(formats) == 1 or parsed.null_count() == text.null_count():
        return parsed
    rest = pl.Series(text.name, text.to_frame("t").select(pl.when(parsed.is_null()).then("t")).to_series())
    return parsed.zip_with(parsed.is_not_null(), _parsed_in_turn(rest, formats[1:]))


def _parsed_dates(text: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    dates = text.str.to_date(formats[0], strict=False)
    for form in formats[1:]:
        dates = dates.zip_with(dates.is_not_null(), text.str.to_date(form, strict=False))
    return dates.cast(pl.Datetime("us"))


def _unread(values: pl.Series, read: pl.Series) -> pl.Series:
    """Mark the cells that hold something, of which nothing was read."""
    nothing_read = read.is_null()
    # Where no cell but the empty ones is unread, which is almost always, none has to be looked at.
    return (
        nothing_read & _filled(values) if nothing_read.sum() > values.null_count() else nothing_read.clear()
    )


def _filled(values: pl.Series) -> pl.Series:
    if values.dtype == pl.String:
        return values.str.strip_chars().fill_null("") != ""
    # What pandas writes for an empty cell of numbers.
    return values.is_not_null() & ~values.is_nan() if values.dtype.is_float() else values.is_not_null()


def _blank(values: pl.Series, wrong: pl.Series) -> pl.Series:
    return pl.select(pl.when(~wrong).then(values).alias(values.name)).to_series()


def _in_range(raw: RawTable, column: str, moments: pl.Series, *, required: bool) -> pl.Series:
    """Mark moments outside the years that dates may be reckoned in, such as 9999-12-31 in the place of nothing."""
    astray = ~moments.is_between(EARLIEST, LATEST)
    remedy = CORRECT if required or not raw.has_map else f"{CORRECT}, or name it under missing in the map"
    raw.mark(column, astray, IN_RANGE, remedy)
    return _blank(moments, astray)
