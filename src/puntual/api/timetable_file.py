"""The coming flights that the service was told of, in one file that all its workers read."""

import contextlib
import io
import logging
import os
import tempfile
from datetime import date
from pathlib import Path

import polars as pl

from puntual.features.keys import NAMED, Keys
from puntual.features.tables import canonical, keys_of
from puntual.schema import SCHEMA

_LOG = logging.getLogger("puntual.service")
NAME = "timetable.parquet"
_COLUMNS = [*NAMED, "scheduled_departure"]


class TimetableFile:
    """`timetable.parquet` in the state folder; a file that cannot be read counts as none."""

    def __init__(self, state: Path) -> None:
        self._path = state / NAME
        self._read: tuple[int, int, int] | None = None

    def write(self, flights: pl.DataFrame) -> None:
        """Replace the coming flights, at once or not at all; raise OSError where they cannot be written."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = io.BytesIO()
        canonical(flights).select(_COLUMNS).write_parquet(content)
        descriptor, scratch = tempfile.mkstemp(dir=self._path.parent, prefix=".timetable")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            Path(scratch).replace(self._path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(scratch).unlink()
            raise

    def keys(self) -> Keys:
        """Read the keys of the coming flights; none when no file is there."""
        self._read = self._signature()
        return keys_of(self._flights())

    def departures(self, origin: str, day: date) -> pl.DataFrame:
        """Read the coming flights of an airport on a day; none when no file is there."""
        on_the_day = pl.col("scheduled_departure").dt.date() == day
        return self._flights((pl.col("origin") == origin) & on_the_day)

    def _flights(self, wanted: pl.Expr | None = None) -> pl.DataFrame:
        none = pl.DataFrame(schema={name: SCHEMA[name] for name in _COLUMNS})
        if self._signature() is None:
            return none
        try:
            if wanted is None:
                return pl.read_parquet(self._path)
            return pl.scan_parquet(self._path).filter(wanted).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            _LOG.error("%s cannot be read (%s); PUT /timetable anew", self._path, error)
            return none

    def changed(self) -> bool:
        """Tell whether the file is another than the one last read."""
        return self._signature() != self._read

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
