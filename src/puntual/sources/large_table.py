"""The bytes of a table of any size and format → a RawTable, by Polars; what cannot be read is named."""

from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
import polars as pl
from polars import selectors

from puntual.errors import TableError
from puntual.sources.csv_rows import EMPTY, no_csv, ragged, stray_quote
from puntual.sources.encoding import as_utf8
from puntual.sources.excel import read_excel
from puntual.sources.json_objects import read_objects
from puntual.sources.limits import check_header, refuse_sparse, refuse_wide
from puntual.sources.lines import first_ragged, first_stray_quote
from puntual.sources.messages import shown
from puntual.sources.parquet_size import refuse_large_texts, refuse_oversized
from puntual.sources.raw_table import RawTable, raw_table

MAGIC = b"PAR1"
_PIECE = 2**22
# Given the names of all columns, those to read.
Choose = Callable[[Sequence[str]], list[str]]


def read_delimited(
    data: bytes,
    name: str,
    separator: str = ",",
    encoding: str = "utf-8",
    missing: tuple[str, ...] = (),
    choose: Choose | None = None,
) -> RawTable:
    """Read every column as text, or those that `choose` names; an empty cell, or one in `missing`, is null."""
    text = as_utf8(data, name, encoding)
    if not text.strip():
        raise TableError(f"{name}: {EMPTY}")
    first = _parsed(text, name, separator, (), has_header=False, n_rows=1)
    # A quote that never closes leaves not even a header.
    header = first.row(0) if first.height else ()
    check_header(header, name)
    chosen = None if choose is None else choose([str(cell) for cell in header if cell is not None])
    frame = _with_single_quotes(_parsed(text, name, separator, missing, columns=chosen), header)
    if _may_be_ragged(text, frame, separator, len(header), chosen):
        _refuse_ragged(text, name, separator)
    return raw_table(name, frame, text)


def read_json_rows(data: bytes, name: str) -> RawTable:
    """Read an array of flat objects, one object, or one a line; every value as text."""
    rows = list(read_objects(data, name))
    names = dict.fromkeys(key for row in rows for key in row)
    refuse_wide(len(names), name)
    refuse_sparse(len(rows), len(names), name)
    columns = {key: [row.get(key) for row in rows] for key in names}
    return raw_table(name, pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)))


def read_parquet(
    data: bytes, name: str, missing: tuple[str, ...] = (), choose: Choose | None = None
) -> RawTable:
    """Read a whole Parquet file with the types that it declares; one that is cut off or is something else is refused.

    A text that says what `missing` lists is null. Of the columns those are read that `choose` names.
    """
    if not (data.startswith(MAGIC) and data.endswith(MAGIC)):
        reason = "its end is missing" if data.startswith(MAGIC) else "it is not Parquet"
        raise TableError(f"{name}: {reason}; expected a complete Parquet file; fetch or export it again")
    try:
        refuse_oversized(data, name)
        chosen = None if choose is None else choose(list(pl.read_parquet_schema(BytesIO(data))))
        frame = pl.read_parquet(BytesIO(data), columns=chosen)
        refuse_large_texts(frame, data, name)
        texts = frame.select(selectors.string()).columns if missing else []
        return raw_table(
            name, frame.with_columns(pl.when(~pl.col(text).is_in(missing)).then(text) for text in texts)
        )
    except pl.exceptions.PolarsError as failure:
        reason = shown(str(failure).split("\n")[0])
        raise TableError(
            f"{name}: it cannot be read as Parquet ({reason}); fetch or export it again"
        ) from failure


READERS: dict[str, Callable[[bytes, str], RawTable]] = {
    ".csv": read_delimited,
    ".xlsx": read_excel,
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".json": read_json_rows,
    ".jsonl": read_json_rows,
    ".ndjson": read_json_rows,
}


def read_large_table(data: bytes, name: str, suffix: str, separator: str = ",") -> RawTable:
    """Read a table of the format that a file's name ends in; raise TableError for any other."""
    if suffix.lower() == ".csv":
        return read_delimited(data, name, separator)
    reader = READERS.get(suffix.lower())
    if reader is None:
        raise TableError(
            f"{name}: format {suffix!r} is unknown; expected one of {', '.join(READERS)}; convert the file"
        )
    return reader(data, name)


def _parsed(
    text: bytes,
    name: str,
    separator: str,
    missing: tuple[str, ...],
    *,
    has_header: bool = True,
    n_rows: int | None = None,
    columns: list[str] | None = None,
) -> pl.DataFrame:
    try:
        return pl.read_csv(
            BytesIO(text),
            infer_schema=False,
            separator=separator,
            null_values=list(missing) or None,
            has_header=has_header,
            n_rows=n_rows,
            columns=columns,
        )
    except pl.exceptions.PolarsError as failure:
        _refuse_ragged(text, name, separator)
        line = first_stray_quote(text, separator)
        if line is not None:
            raise stray_quote(name, line) from failure
        raise no_csv(name, shown(str(failure).split("\n")[0])) from failure


def _with_single_quotes(frame: pl.DataFrame, header: tuple[str | None, ...]) -> pl.DataFrame:
    """Name columns as the cells of the header do: of a quoted name Polars leaves the quotes within doubled."""
    names: dict[str, str] = {}
    for column, cell in zip(frame.columns, header, strict=False):
        if cell is not None and '""' in column and cell not in {*frame.columns, *names.values()}:
            names[column] = cell
    return frame.rename(names)


def _may_be_ragged(
    text: bytes, frame: pl.DataFrame, separator: str, width: int, chosen: list[str] | None
) -> bool:
    """Rule out cheaply that some record is short: such a record leaves the last column empty."""
    if frame.is_empty() or (chosen is None and not frame[:, -1].null_count()):
        return False
    mark = separator.encode()
    separators = _count_unquoted(text, mark[0]) if b'"' in text else text.count(mark)
    return separators != (width - 1) * (frame.height + 1)


def _count_unquoted(text: bytes, mark: int) -> int:
    """Count a byte outside quotes, piece by piece."""
    total, inside = 0, np.uint8(0)
    for start in range(0, len(text), _PIECE):
        piece = np.frombuffer(text, np.uint8, min(_PIECE, len(text) - start), start)
        quoted = (np.cumsum(piece == ord('"'), dtype=np.uint8) + inside) & 1
        total += int(np.count_nonzero((piece == mark) & (quoted == 0)))
        inside = quoted[-1]
    return total


def _refuse_ragged(text: bytes, name: str, separator: str) -> None:
    uneven = first_ragged(text, separator)
    if uneven is None:
        return
    # A quote that opens by mistake swallows the lines below it, and then the fields are too many.
    line = first_stray_quote(text, separator)
    raise stray_quote(name, line) if line is not None and line <= uneven[0] else ragged(name, *uneven)
