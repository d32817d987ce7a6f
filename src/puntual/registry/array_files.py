"""Columns of a bundle's tables in numpy's own file format, read without trusting what a file says of itself."""

import io
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puntual.flights.arrays import Columns

# Whole numbers, floating-point numbers and texts in one or two dimensions; never objects, which would have to be
# unpickled. Numpy's reader takes more, evaluates the header, and sets aside whatever memory that asks for.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|][iufU]\d{1,4})', 'fortran_order': False, "
    rb"'shape': \((\d{1,10}),(?: (\d{1,10}))?\), \} *\n",
    re.DOTALL,
)
_LAST_CODE_POINT = 0x10FFFF


def to_npy(column: NDArray[Any]) -> bytes:
    """Write a column, the same content as the same bytes; raise ValueError for what `from_npy` would not read."""
    plain = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, plain, version=(1, 0), allow_pickle=False)
    content = buffer.getvalue()
    from_npy(content)
    return content


def from_npy(content: bytes) -> NDArray[Any]:
    """Read what `to_npy` wrote, without a copy; raise ValueError for anything else."""
    header = _HEADER.match(content)
    if header is None:
        raise ValueError("no rows of numbers or texts in numpy's format")
    descr, *sides = header.groups()
    shape = tuple(int(side) for side in sides if side is not None)
    values = _values(memoryview(content)[header.end() :], descr.decode()).reshape(shape)
    if values.dtype.kind == "U" and values.size and values.view(np.uint32).max() > _LAST_CODE_POINT:
        raise ValueError("a text that is none")
    return values


def require_one_height(name: str, table: Columns) -> None:
    """Raise ValueError where the columns of a table differ in their number of rows."""
    heights = {column: len(values) for column, values in table.items()}
    if len(set(heights.values())) > 1:
        raise ValueError(f"the columns of {name} differ in their number of rows: {heights}")


def _values(content: memoryview, descr: str) -> NDArray[Any]:
    try:
        return np.frombuffer(content, descr)
    except TypeError as error:
        raise ValueError(f"values of the type {descr!r}, which is none") from error
