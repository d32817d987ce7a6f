"""How much an Excel workbook may unpack to: a few kilobytes can be made that ask for more than any machine has."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

from puntual.errors import TableError
from puntual.sources.limits import LARGEST_UNPACKED, refuse_sparse, refuse_wide
from puntual.sources.workbook_texts import is_a_sheet, refuse_large_texts
from puntual.storage.zip_file import pieces_of, require_size

# Other workbooks that are archives too, told by a member: they have no sheets that could be measured here.
_OTHERS = {"content.xml": "an OpenDocument sheet", "xl/workbook.bin": "a binary workbook (.xlsb)"}
_PLACE = re.compile(rb"""\br\s{0,4}=\s{0,4}["']([A-Za-z]{1,9})([0-9]{1,19})["']""")
# A place beyond column AZ or row 1,999,999: what stays before both is small enough whatever else the sheet holds.
_FAR = re.compile(
    rb"""\br\s{0,4}=\s{0,4}["'](?:[A-Za-z]{3}|[B-Zb-z][A-Za-z]|[A-Za-z]+(?:[2-9][0-9]{6}|[0-9]{8}))"""
)
# Longer than a place can be; a piece is read on from so far before its end, so that none is cut in two.
_OVERLAP = 64


def refuse_oversized(data: bytes, name: str) -> None:
    """Raise TableError for a workbook that unpacks to too much, or whose cells lie too far apart.

    The reader makes room for all cells between the first and the last one, though there be only two. What is no
    archive at all is left to the reader, which has words for it.
    """
    if not zipfile.is_zipfile(BytesIO(data)):
        return
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _refuse_others(archive, name)
            require_size(archive, LARGEST_UNPACKED)
            for member in archive.namelist():
                _measure(archive, member, name)
            refuse_large_texts(archive, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as failure:
        raise TableError(
            f"{name}: the workbook cannot be unpacked ({failure}); expected an .xlsx file of at most "
            f"{LARGEST_UNPACKED:,} bytes, unpacked; save it again as .xlsx, or as CSV in UTF-8"
        ) from failure


def _refuse_others(archive: zipfile.ZipFile, name: str) -> None:
    for member in archive.namelist():
        if member.lower() in _OTHERS:
            raise TableError(
                f"{name}: it is {_OTHERS[member.lower()]}; expected an .xlsx workbook; save it as .xlsx, or as CSV"
            )


def _measure(archive: zipfile.ZipFile, member: str, name: str) -> None:
    """Read a member to its end, which holds it to its declared size, and refuse a sheet that is too sparse."""
    is_sheet = is_a_sheet(member)
    far = False
    for piece in _overlapping(pieces_of(archive, member)):
        if is_sheet and b"\0" in piece:
            raise ValueError(f"{member!r} is not written in UTF-8")
        far = far or (is_sheet and _FAR.search(piece) is not None)
    if far:
        columns, rows = _corner(_overlapping(pieces_of(archive, member)))
        refuse_wide(columns, name)
        refuse_sparse(rows, columns, name)


def _corner(pieces: Iterator[bytes]) -> tuple[int, int]:
    """Give the last column and the last row that a cell stands in, counted from 1."""
    columns, rows = {b"A"}, {b"1"}
    for piece in pieces:
        places = _PLACE.findall(piece)
        columns.update(column for column, _ in places)
        rows = {max(rows, key=int), *(row for _, row in places)}
    return max(map(_column_number, columns)), max(map(int, rows))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


def _overlapping(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        yield rest + piece
        rest = (rest + piece)[-_OVERLAP:]
