"""JSON bytes → flat objects, one after another: an array of them, one, or one a line.

The extent of each is looked for before it is decoded, so that a long table is never decoded at one go: other threads
get their turn between two rows.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from puntual.errors import BadValueError, TableError
from puntual.sources.encoding import as_utf8
from puntual.sources.limits import LONGEST_ROW
from puntual.sources.messages import shown

Texts = dict[str, str | None]

# Nothing is tried twice (`*+`), so that the time does not grow faster than the text.
_FLAT = re.compile(rb'\{(?:[^"{}]++|"(?:[^"\\]++|\\.)*+")*+\}', re.DOTALL)
_BEGIN_OF_ARRAY = re.compile(rb"\[[ \t\r\n]*+")
_END_OF_ARRAY = re.compile(rb"[ \t\r\n]*+\]\Z")
_COMMA = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+")
_LINE_END = re.compile(rb"[ \t\r]*+\n[ \t\r\n]*+")


def read_objects(data: bytes, name: str) -> Iterator[Texts]:
    """Read objects whose values are text, numbers, true, false or null, as text or None.

    TableError or BadValueError is raised on the way, for the first row that is something else.
    """
    for number, row in enumerate(_objects(as_utf8(data, name).strip(), name), start=1):
        yield {key: _text(value, key, number, name) for key, value in row.items()}


def _objects(data: bytes, name: str) -> Iterator[dict[str, Any]]:
    begin = _BEGIN_OF_ARRAY.match(data)
    place = begin.end() if begin else 0
    between = _COMMA if begin else _LINE_END
    number = 0
    while not _ends(data, place, in_array=begin is not None):
        number += 1
        if number > 1:
            gap = between.match(data, place)
            if gap is None:
                raise _no_json(name, f"row {number} does not follow row {number - 1}")
            place = gap.end()
        row = _FLAT.match(data, place, place + LONGEST_ROW)
        if row is None:
            _refuse(data[place : place + LONGEST_ROW + 1], number, name)
        try:
            yield msgspec.json.decode(row.group())
        except msgspec.DecodeError as failure:
            raise _no_json(name, f"row {number}: {failure}") from None
        place = row.end()


def _ends(data: bytes, place: int, *, in_array: bool) -> bool:
    return _END_OF_ARRAY.match(data, place) is not None if in_array else place == len(data)


def _refuse(beginning: bytes, number: int, name: str) -> NoReturn:
    """Say what stands where a flat object should."""
    try:
        row, _ = json.JSONDecoder().raw_decode(beginning.decode(errors="replace"))
    except (ValueError, RecursionError) as failure:
        if len(beginning) > LONGEST_ROW:
            raise TableError(
                f"{name}, row {number}: it is longer than {LONGEST_ROW:,} bytes; expected one flight per object"
            ) from None
        raise _no_json(name, f"row {number}: {failure}") from None
    for key, value in row.items() if isinstance(row, dict) else ():
        _text(value, key, number, name)
    raise TableError(f"{name}, row {number}: {shown(row)} is not an object; expected one flight per object")


def _no_json(name: str, reason: str) -> TableError:
    return TableError(f"{name}: it is not JSON ({reason}); expected an array of objects, or one a line")


def _text(value: object, key: str, number: int, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    raise BadValueError(
        f"{name}, row {number}, column {shown(key)}: {shown(value)} cannot be read; "
        "expected text, a number, true, false or null; write the flight as one flat object"
    )
