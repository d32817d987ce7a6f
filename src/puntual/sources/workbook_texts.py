"""How much the texts of a workbook hold: each stands in it once, and is copied for each cell that names it."""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator

from puntual.errors import TableError
from puntual.sources.limits import LARGEST_UNPACKED
from puntual.storage.zip_file import pieces_of

_TEXTS = "xl/sharedstrings.xml"
_SHEETS = "xl/worksheets/"
# Of a text with its markup, in bytes: Excel takes no cell of more than 32,767 characters.
_LONGEST = 2**18
_END_OF_TEXT = re.compile(rb"</(?:\w+:)?si\s*>|<(?:\w+:)?si\s*/>")
_NAMES_A_TEXT = re.compile(rb"""\bt\s*=\s*["']s["']""")
_TEXT_OF_CELL = re.compile(rb"""\bt\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v>\s*(\d{1,9})\s*<""")
# Longer than a cell that names a text; a piece is read on from so far before its end.
_OVERLAP = 512


def is_a_sheet(member: str) -> bool:
    """Tell by its name whether a member of a workbook is one of its sheets."""
    return member.lower().lstrip("/").startswith(_SHEETS)


def refuse_large_texts(archive: zipfile.ZipFile, name: str) -> None:
    """Raise TableError for a text that is longer than any cell's, or texts that fill the memory, cell by cell.

    Raises what `zipfile` raises.
    """
    lengths = [
        length
        for member in archive.namelist()
        if member.lower().lstrip("/") == _TEXTS
        for length in _lengths(pieces_of(archive, member), name)
    ]
    longest = max(lengths, default=0)
    for member in filter(is_a_sheet, archive.namelist()):
        named = sum(len(_NAMES_A_TEXT.findall(piece)) for piece in _cells(pieces_of(archive, member)))
        # Exactly only where it may matter.
        if named * longest > LARGEST_UNPACKED:
            size = _size(_cells(pieces_of(archive, member)), lengths, named)
            if size > LARGEST_UNPACKED:
                raise TableError(
                    f"{name}: its texts, of all cells, hold {size:,} bytes; expected at most {LARGEST_UNPACKED:,}; "
                    "keep the columns that tell of flights, or save it as CSV"
                )


def _lengths(pieces: Iterator[bytes], name: str) -> Iterator[int]:
    """Give the length of each text, with its markup."""
    rest = b""
    for piece in pieces:
        *texts, rest = _END_OF_TEXT.split(rest + piece)
        yield from map(len, texts)
        if len(rest) > _LONGEST or max(map(len, texts), default=0) > _LONGEST:
            raise TableError(
                f"{name}: one of its texts has more than {_LONGEST:,} bytes; expected cells of at most 32,767 "
                "characters, as Excel has them; shorten it, or save it as CSV"
            )


def _size(cells: Iterator[bytes], lengths: list[int], named: int) -> int:
    """Add up the texts of all cells; a cell whose text cannot be told has the longest."""
    counts = Counter(int(text) for piece in cells for text in _TEXT_OF_CELL.findall(piece))
    known = sum(counts.values())
    size = sum(lengths[text] * count for text, count in counts.items() if text < len(lengths))
    return size + max(0, named - known) * max(lengths, default=0)


def _cells(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Give pieces of a sheet that end where a cell does."""
    rest = b""
    for piece in pieces:
        whole, end, after = (rest + piece).rpartition(b"<c")
        if len(after) > _OVERLAP:
            # A cell with a text of its own, which names none.
            whole, end, after = rest + piece, b"", b""
        yield whole
        rest = end + after
    yield rest
