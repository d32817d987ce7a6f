"""Parquet bytes → a RawTable with the types the file declares."""

from io import BytesIO

import polars as pl

from puntual.errors import TableError
from puntual.sources.messages import shown
from puntual.sources.raw_table import RawTable, raw_table

MAGIC = b"PAR1"


def read_parquet(data: bytes, name: str) -> RawTable:
    """Read a whole Parquet file; one that is cut off or is something else is refused."""
    if not (data.startswith(MAGIC) and data.endswith(MAGIC)):
        said = "its end is missing" if data.startswith(MAGIC) else "it is not Parquet"
        raise TableError(f"{name}: {said}; expected a complete Parquet file; fetch or export it again")
    try:
        return raw_table(name, pl.read_parquet(BytesIO(data)))
    except pl.exceptions.PolarsError as failure:
        reason = shown(str(failure).split("\n")[0])
        raise TableError(
            f"{name}: it cannot be read as Parquet ({reason}); fetch or export it again"
        ) from failure
