"""Structures in Thrift's compact protocol, in which a Parquet file describes itself."""

from typing import Any, NamedTuple

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = range(4, 7)
_DEEPEST = 32
# A list of more elements than its header has room for says their number behind it.
_LONG = 15
# Bits of a number.
_WIDEST = 64

Struct = dict[int, Any]


class Structure(NamedTuple):
    """A structure by the numbers of its fields, and where it ends."""

    fields: Struct
    end: int


def read_structure(data: bytes, start: int) -> Structure:
    """Read the structure that begins at a byte; raise ValueError where there is none."""
    reader = _Reader(data, start)
    try:
        fields = reader.structure(0)
    except IndexError as error:
        raise ValueError("a structure is cut off") from error
    return Structure(fields, reader.place)


class _Reader:
    def __init__(self, data: bytes, place: int) -> None:
        self._data, self.place = data, place

    def structure(self, depth: int) -> Struct:
        if depth > _DEEPEST:
            raise ValueError("structures lie too deep within each other")
        fields: Struct = {}
        number = 0
        while kind := self._byte():
            step = kind >> 4
            number = number + step if step else self._signed()
            kind &= 15
            # Of a field the kind is its truth; of a list's element a byte follows.
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _INTEGERS:
            return self._signed()
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind == _DOUBLE:
            return self._skip(8)
        if kind == _BINARY:
            return self._skip(self._unsigned())
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _MAP:
            return self._map(depth)
        if kind == _STRUCT:
            return self.structure(depth + 1)
        raise ValueError(f"a field of kind {kind} is none")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        size = head >> 4
        if size == _LONG:
            size = self._unsigned()
        return [self._value(head & 15, depth + 1) for _ in range(size)]

    def _map(self, depth: int) -> None:
        if size := self._unsigned():
            kinds = self._byte()
            for _ in range(size):
                self._value(kinds >> 4, depth + 1)
                self._value(kinds & 15, depth + 1)

    def _byte(self) -> int:
        byte = self._data[self.place]
        self.place += 1
        return byte

    def _skip(self, size: int) -> None:
        self.place += size
        if self.place > len(self._data):
            raise IndexError

    def _unsigned(self) -> int:
        number = 0
        for shift in range(0, _WIDEST, 7):
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ValueError("a number has no end")

    def _signed(self) -> int:
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)
