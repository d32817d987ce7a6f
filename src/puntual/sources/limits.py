"""How wide a table may be and how long a name in it: what is larger holds no flights, and would only cost time."""

from collections.abc import Sequence

from puntual.errors import TableError
from puntual.sources.messages import SHOWN_COLUMNS, is_empty, shown

MOST_COLUMNS = 1_000
# Of what becomes more cells than it holds: rows as JSON, each as wide as the widest, sheets, and Parquet.
MOST_CELLS = 50_000_000
# Of a Parquet file, which may hold more cells than those where it is large itself. A flight takes a byte or more.
CELLS_OF_A_BYTE = 50
# Bytes that a file which is packed may unpack to, and as many for each of its own where that is more.
LARGEST_UNPACKED = 2**29
BYTES_OF_A_BYTE = 20
# Bytes of a table as it is stored.
LARGEST_TABLE = 2**32
LONGEST_TEXT = 200
# Of a row as JSON, in bytes: as many columns as there may be, each with a name and a text of some length.
LONGEST_ROW = 262_144
SHORT_ENOUGH = f"a text of at most {LONGEST_TEXT} characters"
# No database keeps a text with one.
NUL = "\0"
WITHOUT_NUL = "a text without a NUL character"


def check_header(header: Sequence[str | None], name: str) -> None:
    """Refuse a header that is too wide, or names a column twice or not: nobody could say which one is meant."""
    refuse_wide(len(header), name)
    nameless = [str(place) for place, column in enumerate(header, start=1) if is_empty(column)]
    if len(nameless) > 1:
        raise TableError(
            f"{name}: columns {', '.join(nameless[:SHOWN_COLUMNS])} have no name in the header; expected one at most; "
            "delete those columns, or what stands above the header, and save it again"
        )
    seen: set[str | None] = set()
    for column in header:
        if column in seen:
            raise TableError(
                f"{name}: column {shown(column)} stands twice in the header; expected it once; rename one"
            )
        seen.add(column)


def refuse_wide(columns: int, name: str) -> None:
    """Refuse a table of more columns than any publisher of flights has."""
    if columns > MOST_COLUMNS:
        raise TableError(
            f"{name}: it has {columns:,} columns; expected at most {MOST_COLUMNS:,}; keep those that tell of flights"
        )


def refuse_sparse(rows: int, columns: int, name: str, most: int = MOST_CELLS) -> None:
    """Refuse rows that would become more cells than a machine has room for."""
    if rows * columns > most:
        raise TableError(
            f"{name}: {rows:,} rows of {columns:,} columns; expected at most {most:,} cells; "
            "keep the columns that tell of flights"
        )
