"""CSV bytes → rows of text, one after another, where no table of Polars is wanted."""

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

from puntual.errors import TableError
from puntual.sources.encoding import as_utf8
from puntual.sources.limits import check_header
from puntual.sources.messages import shown

EMPTY = "the file is empty; expected a header and flights; fetch or export it again"


class CsvRows(NamedTuple):
    """The names of the columns, and the rows below them, each with the line that it begins on."""

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]


def read_csv_rows(data: bytes, name: str) -> CsvRows:
    """Read a table whose cells are all text; a blank line is a row without a cell.

    TableError is raised at once for a header that cannot be used, and on the way for a row that is cut off or ragged.
    """
    text = as_utf8(data, name)
    if not text or text.isspace():
        raise TableError(f"{name}: {EMPTY}")
    numbered = _numbered(text, name)
    header = next((cells for _, cells in numbered if cells), [])
    check_header(header, name)
    return CsvRows(header, _even(numbered, len(header), name))


def ragged(name: str, line: int, fields: int, width: int) -> TableError:
    """Describe a row that has not as many fields as the header."""
    return TableError(
        f"{name}, line {line}: it has {fields} fields; expected {width}, as the header has; "
        "the file may be cut off here, or a cell may need quotes: fetch or export it again"
    )


def stray_quote(name: str, line: int) -> TableError:
    """Describe a row whose quotes are not around whole cells."""
    return TableError(
        f'{name}, line {line}: a quote (") stands alone, or inside a cell; expected quotes around whole cells; '
        "remove it, or double it and put the cell in quotes"
    )


def no_csv(name: str, reason: str) -> TableError:
    """Describe text that is no CSV."""
    return TableError(f"{name}: it is not a CSV ({reason}); expected quotes that close; export it again")


def _numbered(text: bytes, name: str) -> Iterator[tuple[int, list[str]]]:
    # Only "\n" ends a line, as in the reader of Polars.
    table = csv.reader(map(bytes.decode, io.BytesIO(text)), strict=True)
    line = 1
    try:
        for cells in table:
            yield line, cells
            line = table.line_num + 1
    except csv.Error as failure:
        raise no_csv(f"{name}, line {line}", shown(failure)) from failure


def _even(
    numbered: Iterator[tuple[int, list[str]]], width: int, name: str
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in numbered:
        if cells and len(cells) != width:
            raise ragged(name, line, len(cells), width)
        yield line, cells
