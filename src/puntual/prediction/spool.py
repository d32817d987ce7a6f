"""Tables too large for memory, dealt out into buckets on disk, and read back bucket by bucket."""

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from io import BytesIO

import polars as pl

from puntual.errors import TableError


class Spool:
    """Frames by bucket in one file without a name, which the system takes back when it is closed."""

    def __init__(self) -> None:
        """Open the file in the temporary folder."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._written: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._end = 0

    @property
    def buckets(self) -> list[int]:
        """The buckets that hold rows, in order."""
        return sorted(self._written)

    def deal(self, frame: pl.DataFrame, buckets: pl.Series) -> None:
        """Add each row of a frame to its bucket; raise TableError where the disk has no room."""
        parts = frame.with_columns(bucket=buckets).partition_by("bucket", as_dict=True, include_key=False)
        for (bucket,), part in parts.items():
            written = BytesIO()
            part.write_ipc_stream(written, compat_level=pl.CompatLevel.newest())
            self._append(int(str(bucket)), written.getbuffer())

    def read(self, bucket: int) -> pl.DataFrame:
        """Give the rows of a bucket, in the order in which they were added."""
        return pl.concat(list(self._read(bucket)), how="vertical")

    def close(self) -> None:
        """Give the room back."""
        self._file.close()

    def _append(self, bucket: int, data: memoryview) -> None:
        try:
            self._file.seek(self._end)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise TableError(
                f"{tempfile.gettempdir()}: {reason}; expected room there for the table, which is too large for memory; "
                "make room, or name another folder by TMPDIR"
            ) from error
        self._written[bucket].append((self._end, len(data)))
        self._end += len(data)

    def _read(self, bucket: int) -> Iterable[pl.DataFrame]:
        for start, length in self._written[bucket]:
            self._file.seek(start)
            yield pl.read_ipc_stream(BytesIO(self._file.read(length)))
