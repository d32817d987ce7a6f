"""JSON bytes → objects: an array of them, one, or one a line."""

from typing import Any

import msgspec

from puntual.errors import BadValueError, TableError
from puntual.sources.encoding import as_utf8
from puntual.sources.messages import shown

Texts = dict[str, str | None]


def read_objects(data: bytes, name: str) -> list[Texts]:
    """Read objects whose values are text, numbers, true, false or null, as text or None."""
    return [
        {key: _text(value, key, position, name) for key, value in row.items()}
        for position, row in enumerate(_objects(as_utf8(data, name), name))
    ]


def _objects(data: bytes, name: str) -> list[dict[str, Any]]:
    try:
        rows = _decoded(data)
    except (msgspec.DecodeError, RecursionError) as failure:
        raise TableError(
            f"{name}: it is not JSON ({failure}); expected an array of objects, or one a line"
        ) from None
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            raise TableError(
                f"{name}, row {position + 1}: {shown(row)} is not an object; expected one flight per object"
            )
    return rows


def _decoded(data: bytes) -> list[Any]:
    if data.lstrip().startswith(b"["):
        # One by one, so that other threads get their turn.
        return [msgspec.json.decode(row) for row in msgspec.json.decode(data, type=list[msgspec.Raw])]
    try:
        return [msgspec.json.decode(data)]
    except msgspec.DecodeError:
        return list(msgspec.json.Decoder().decode_lines(data))


def _text(value: object, key: str, position: int, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    raise BadValueError(
        f"{name}, row {position + 1}, column {shown(key)}: {shown(value)} cannot be read; "
        "expected text, a number, true, false or null; write the flight as one flat object"
    )
