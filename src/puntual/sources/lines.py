"""Where each record of a CSV starts; slow, so only called once something is wrong."""

import re
from collections.abc import Collection, Iterator

QUOTED = re.compile(r'"[^"]*"')


def lines_of(text: bytes, wanted: Collection[int]) -> dict[int, int]:
    r"""Give the line, from 1, on which each of some records starts; the records count from 0 below the header.

    >>> lines_of(b'name,n\n"two\nlines",1\nx,2\n', {1})
    {1: 4}
    """
    last = max(wanted, default=-1)
    numbered = zip(range(-1, last + 1), records(text), strict=False)
    return {record: line for record, (line, _) in numbered if record in wanted}


def first_ragged(text: bytes, separator: str) -> tuple[int, int, int] | None:
    r"""Find the first record without as many fields as the header: its line, its fields, the header's.

    >>> first_ragged(b"a,b\n1,2\n3\n", ",")
    (3, 1, 2)
    """
    everything = records(text)
    width = _fields(next(everything)[1], separator)
    counted = ((line, _fields(record, separator)) for line, record in everything if record)
    return next(((line, fields, width) for line, fields in counted if fields != width), None)


def first_stray_quote(text: bytes, separator: str) -> int | None:
    r"""Find the line of the first record with a quote that is not around a whole cell, nor doubled within one.

    >>> first_stray_quote(b'a,b\n"1","x"\n2,"3\n', ",")
    3
    """
    mark = re.escape(separator)
    cell = re.compile(rf'(?:(?<=^)|(?<={mark}))"(?:[^"]|"")*"(?={mark}|$)')
    return next(
        (line for line, record in records(text) if '"' in record and '"' in cell.sub("", record)), None
    )


def records(text: bytes) -> Iterator[tuple[int, str]]:
    """Give the line and text of every record, the header first; a quoted cell may span lines."""
    begun: list[str] = []
    start, quotes = 1, 0
    seen = False
    for number, line in enumerate(_lines(text), start=1):
        start = start if begun else number
        begun.append(line)
        quotes += line.count('"')
        if quotes % 2 == 0:
            record = "".join(begun).strip("\r\n")
            # Blank lines above the header are not records; those below it are.
            seen = seen or bool(record)
            if seen:
                yield start, record
            begun.clear()
    if begun:
        yield start, "".join(begun)


def _lines(text: bytes) -> Iterator[str]:
    # Only "\n" ends a line, as in the reader itself; splitlines would also stop at a lone "\r".
    return (line.decode("utf-8") + "\n" for line in text.removesuffix(b"\n").split(b"\n"))


def _fields(record: str, separator: str) -> int:
    return QUOTED.sub("", record).count(separator) + 1
