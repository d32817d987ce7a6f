"""The coming flights that the service keeps, in one file that all its workers read."""

import logging
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import EPOCH, NAMED, Category, Keys
from puntual.storage.atomic_write import atomic_write
from puntual.storage.state_folder import make_private

_LOG = logging.getLogger("puntual.service")
NAME = "timetable.msgpack"
# Whatever the machine, so that a state folder may move.
_WHOLE = np.dtype("<i8")


class _Named(msgspec.Struct, frozen=True, array_like=True):
    """A column of n texts: the distinct ones, and as whole numbers of eight bytes which of them each flight has."""

    values: tuple[str, ...]
    positions: bytes


class _Content(msgspec.Struct, frozen=True):
    """The keys of n flights; `day` and `minute` are whole numbers of eight bytes."""

    day: bytes
    minute: bytes
    origin: _Named
    airline: _Named
    destination: _Named
    flight_number: _Named


class TimetableFile:
    """`timetable.msgpack` in the state folder; a file that cannot be read counts as none."""

    def __init__(self, state: Path) -> None:
        self._path = state / NAME
        self._read: tuple[int, int, int] | None = None

    def write(self, flights: Keys) -> None:
        """Replace the coming flights, at once or not at all; raise OSError where they cannot be written."""
        make_private(self._path.parent)
        with atomic_write(self._path, mode=0o600) as file:
            file.write(_written(flights))

    def keys(self) -> Keys:
        """Read the keys of the coming flights; none when no file is there."""
        self._read = self._signature()
        return self._flights()

    def departures(self, origin: str | None, day: date | None) -> Keys:
        """Read the coming flights, of one airport or all, on one day or all; none when no file is there."""
        flights = self._flights()
        wanted = np.ones(len(flights), bool)
        if origin is not None:
            places = [place for place, code in enumerate(flights.origin.values) if code == origin]
            wanted &= np.isin(flights.origin.positions, places)
        if day is not None:
            wanted &= flights.day == (day - EPOCH.date()).days
        return flights.take(np.flatnonzero(wanted))

    def changed(self) -> bool:
        """Tell whether the file is another than the one last read."""
        return self._signature() != self._read

    def _flights(self) -> Keys:
        try:
            return _read(self._path.read_bytes())
        except FileNotFoundError:
            return _NONE
        except (OSError, ValueError) as error:
            _LOG.error("%s cannot be read (%s); PUT /timetable anew", self._path, error)
            return _NONE

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _written(flights: Keys) -> bytes:
    columns = (getattr(flights, name) for name in NAMED)
    named = [_Named(column.values, _whole(column.positions)) for column in columns]
    return msgspec.msgpack.encode(_Content(_whole(flights.day), _whole(flights.minute), *named))


def _whole(numbers: NDArray[Any]) -> bytes:
    return numbers.astype(_WHOLE).tobytes()


def _read(content: bytes) -> Keys:
    """Read what was written; raise ValueError for anything else."""
    columns_read = msgspec.msgpack.decode(content, type=_Content)
    day, minute = (np.frombuffer(numbers, _WHOLE) for numbers in (columns_read.day, columns_read.minute))
    columns = [_category(getattr(columns_read, name)) for name in NAMED]
    if {len(day)} != {len(minute), *(len(column.positions) for column in columns)}:
        raise ValueError("its columns differ in length")
    return Keys(day, minute, *columns)


def _category(column: _Named) -> Category:
    positions = np.frombuffer(column.positions, _WHOLE).astype(np.intp)
    if len(positions) and not 0 <= positions.min() <= positions.max() < len(column.values):
        raise ValueError("it lacks a text")
    return Category(column.values, positions)


_NOTHING = np.empty(0, np.int64)
_NONE = Keys(_NOTHING, _NOTHING, *(Category((), np.empty(0, np.intp)) for _ in NAMED))
