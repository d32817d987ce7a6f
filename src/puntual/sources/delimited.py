"""CSV bytes → a RawTable of text; what is cut off, ragged or in another encoding is refused by line."""

from io import BytesIO

import polars as pl

from puntual.errors import TableError
from puntual.sources.csv_rows import EMPTY, no_csv, ragged, refuse_twins
from puntual.sources.encoding import as_utf8
from puntual.sources.lines import first_ragged
from puntual.sources.messages import shown
from puntual.sources.raw_table import RawTable, raw_table


def read_delimited(
    data: bytes, name: str, separator: str = ",", encoding: str = "utf-8", missing: tuple[str, ...] = ()
) -> RawTable:
    """Read every column as text; an empty cell, and one that says what `missing` lists, is null."""
    text = as_utf8(data, name, encoding)
    if not text.strip():
        raise TableError(f"{name}: {EMPTY}")
    _refuse_twins(text, name, separator)
    frame = _parsed(text, name, separator, missing)
    if _may_be_ragged(text, frame, separator):
        _refuse_ragged(text, name, separator)
    return raw_table(name, frame, text)


def _refuse_twins(text: bytes, name: str, separator: str) -> None:
    first = _parsed(text, name, separator, (), has_header=False, n_rows=1)
    # A quote that never closes leaves not even a header.
    refuse_twins(first.row(0) if first.height else (), name)


def _parsed(
    text: bytes,
    name: str,
    separator: str,
    missing: tuple[str, ...],
    *,
    has_header: bool = True,
    n_rows: int | None = None,
) -> pl.DataFrame:
    try:
        return pl.read_csv(
            BytesIO(text),
            infer_schema=False,
            separator=separator,
            null_values=list(missing) or None,
            has_header=has_header,
            n_rows=n_rows,
        )
    except pl.exceptions.PolarsError as failure:
        _refuse_ragged(text, name, separator)
        raise no_csv(name, shown(str(failure).split("\n")[0])) from failure


def _may_be_ragged(text: bytes, frame: pl.DataFrame, separator: str) -> bool:
    """Rule out cheaply that some record is short: such a record leaves the last column empty."""
    if frame.is_empty() or not frame[:, -1].null_count():
        return False
    return b'"' in text or text.count(separator.encode()) != (frame.width - 1) * (frame.height + 1)


def _refuse_ragged(text: bytes, name: str, separator: str) -> None:
    found = first_ragged(text, separator)
    if found:
        raise ragged(name, *found)
