"""How much a Parquet file may unpack to: a page of a few kilobytes can hold a gigabyte, and a text stand for many."""

from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

import polars as pl
from polars import selectors

from puntual.errors import TableError
from puntual.sources.limits import (
    BYTES_OF_A_BYTE,
    CELLS_OF_A_BYTE,
    LARGEST_UNPACKED,
    MOST_CELLS,
    refuse_sparse,
    refuse_wide,
)
from puntual.sources.thrift import Struct, read_structure

# At its end stand the length of what describes it, in four bytes, and four more that say that it is Parquet.
_TAIL = 8
# The fields of Parquet's own structures that tell where its pages are, and how large.
_ROW_GROUPS, _COLUMNS, _COLUMN_DATA = 4, 1, 3
_PACKED_CHUNK, _FIRST_DATA_PAGE, _DICTIONARY_PAGE = 7, 9, 11
_UNPACKED_PAGE, _PACKED_PAGE = 2, 3
_DICTIONARY = 7
_KINDS_OF_PAGE = (5, _DICTIONARY, 8)
_VALUES = 1


class Page(NamedTuple):
    """What its reader makes room for: bytes, unpacked, and values."""

    size: int
    values: int


def refuse_oversized(data: bytes, name: str) -> None:
    """Raise TableError for a file that is too wide, has too many cells, or unpacks to too much."""
    columns = len(pl.read_parquet_schema(BytesIO(data)))
    refuse_wide(columns, name)
    rows = pl.scan_parquet(BytesIO(data)).select(pl.len()).collect().item()
    refuse_sparse(rows, columns, name, max(MOST_CELLS, CELLS_OF_A_BYTE * len(data)))
    try:
        pages = list(_pages(data))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise TableError(
            f"{name}: it cannot be read as Parquet (its pages cannot be measured: {error}); fetch or export it again"
        ) from error
    _refuse_large(sum(page.size for page in pages), data, name, "it would unpack to")
    refuse_sparse(sum(page.values for page in pages), 1, name, max(MOST_CELLS, CELLS_OF_A_BYTE * len(data)))


def refuse_large_texts(frame: pl.DataFrame, data: bytes, name: str) -> None:
    """Raise TableError for texts that are stored once and stand in so many rows that they would fill the memory."""
    sizes = frame.select(selectors.string().str.len_bytes().cast(pl.UInt64).sum())
    _refuse_large(sum(sizes.row(0)) if sizes.width else 0, data, name, "its texts, of all rows, hold")


def _refuse_large(size: int, data: bytes, name: str, what: str) -> None:
    largest = max(LARGEST_UNPACKED, BYTES_OF_A_BYTE * len(data))
    if size > largest:
        raise TableError(
            f"{name}: {what} {size:,} bytes; expected at most {largest:,}; keep the columns that tell of flights"
        )


def _pages(data: bytes) -> Iterator[Page]:
    length = int.from_bytes(data[-_TAIL : -_TAIL + 4], "little")
    footer = read_structure(data, max(0, len(data) - _TAIL - length)).fields
    columns = [column[_COLUMN_DATA] for group in footer[_ROW_GROUPS] for column in group[_COLUMNS]]
    if sum(column[_PACKED_CHUNK] for column in columns) > len(data):
        raise ValueError("its columns lie over each other")
    for column in columns:
        yield from _pages_of(data, column)


def _pages_of(data: bytes, column: Struct) -> Iterator[Page]:
    place = column[_FIRST_DATA_PAGE]
    # Where there is no dictionary some writers say 0.
    if 0 < column.get(_DICTIONARY_PAGE, 0) < place:
        place = column[_DICTIONARY_PAGE]
    end = place + column[_PACKED_CHUNK]
    while place < end:
        page = read_structure(data, place)
        packed, size = page.fields[_PACKED_PAGE], page.fields[_UNPACKED_PAGE]
        values = max(page.fields.get(kind, {}).get(_VALUES, 0) for kind in _KINDS_OF_PAGE)
        if packed < 0 or size < 0:
            raise ValueError(f"a page of {packed} bytes, and {size} unpacked")
        # An entry of a dictionary takes a byte at least; of data a few bytes may stand for any number of values.
        if _DICTIONARY in page.fields and values > size:
            raise ValueError(f"a dictionary of {values} entries in {size} bytes")
        yield Page(size, values)
        place = page.end + packed
