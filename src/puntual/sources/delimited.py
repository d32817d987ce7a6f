"""CSV bytes → a RawTable of text; what is cut off, ragged or in another encoding is refused by line."""

import codecs
from io import BytesIO

import polars as pl

from puntual.errors import BadTable
from puntual.sources.lines import first_ragged
from puntual.sources.raw import RawTable, raw_table, shown


def read_delimited(
    data: bytes, name: str, separator: str = ",", encoding: str = "utf-8", missing: tuple[str, ...] = ()
) -> RawTable:
    """Read every column as text; an empty cell, and one that says what `missing` lists, is null."""
    text = as_utf8(data, name, encoding)
    if not text.strip():
        raise BadTable(f"{name}: the file is empty; expected a header and flights; fetch or export it again")
    _refuse_twins(text, name, separator)
    frame = _parsed(text, name, separator, missing)
    if _may_be_ragged(text, frame, separator):
        _refuse_ragged(text, name, separator)
    return raw_table(name, frame, text)


def as_utf8(data: bytes, name: str, encoding: str = "utf-8") -> bytes:
    """Give UTF-8 without a byte order mark; BadTable names the first line that is not in `encoding`."""
    try:
        decoded = data.decode(encoding)
    except UnicodeDecodeError as failure:
        raise BadTable(_wrong_encoding(data, name, failure)) from None
    except (UnicodeError, LookupError) as failure:
        raise BadTable(
            f"{name}: it cannot be read as {encoding!r} ({failure}); set encoding in the map"
        ) from None
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        return data.removeprefix(codecs.BOM_UTF8)
    return decoded.removeprefix("\ufeff").encode()


def _wrong_encoding(data: bytes, name: str, failure: UnicodeDecodeError) -> str:
    line = data.count(b"\n", 0, failure.start) + 1
    return (
        f"{name}, line {line}: byte {data[failure.start]:#x} is not {failure.encoding} text; "
        f"expected {failure.encoding}; save the file as UTF-8, or name its encoding in the map: "
        'encoding = "latin-1", for one'
    )


def _refuse_twins(text: bytes, name: str, separator: str) -> None:
    """Refuse a header that names a column twice: nobody could say which one is meant."""
    first = _parsed(text, name, separator, (), has_header=False, n_rows=1)
    # A quote that never closes leaves not even a header.
    header = first.row(0) if first.height else ()
    twins = [column for column in dict.fromkeys(header) if header.count(column) > 1]
    if twins:
        raise BadTable(
            f"{name}: column {shown(twins[0])} stands twice in the header; expected it once; rename one"
        )


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
        reason = shown(str(failure).split("\n")[0])
        raise BadTable(
            f"{name}: it is not a CSV ({reason}); expected quotes that close; export it again"
        ) from failure


def _may_be_ragged(text: bytes, frame: pl.DataFrame, separator: str) -> bool:
    """Rule out cheaply that some record is short: such a record leaves the last column empty."""
    if frame.is_empty() or not frame[:, -1].null_count():
        return False
    return b'"' in text or text.count(separator.encode()) != (frame.width - 1) * (frame.height + 1)


def _refuse_ragged(text: bytes, name: str, separator: str) -> None:
    found = first_ragged(text, separator)
    if found:
        line, fields, width = found
        raise BadTable(
            f"{name}, line {line}: it has {fields} fields; expected {width}, as the header has; "
            "the file may be cut off here, or a cell may need quotes: fetch or export it again"
        )
