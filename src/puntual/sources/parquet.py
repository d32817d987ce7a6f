"""Parquet bytes → a RawTable with the types the file declares."""

from io import BytesIO

import polars as pl
from polars import selectors

from puntual.errors import TableError
from puntual.sources.messages import shown
from puntual.sources.raw_table import RawTable, raw_table

MAGIC = b"PAR1"


def read_parquet(data: bytes, name: str, missing: tuple[str, ...] = ()) -> RawTable:
    """Read a whole Parquet file; one that is cut off or is something else is refused.

    A text that says what `missing` lists is null.
    """
    if not (data.startswith(MAGIC) and data.endswith(MAGIC)):
        said = "its end is missing" if data.startswith(MAGIC) else "it is not Parquet"
        raise TableError(f"{name}: {said}; expected a complete Parquet file; fetch or export it again")
    try:
        frame = pl.read_parquet(BytesIO(data))
        texts = frame.select(selectors.string()).columns if missing else []
        return raw_table(
            name, frame.with_columns(pl.when(~pl.col(text).is_in(missing)).then(text) for text in texts)
        )
    except pl.exceptions.PolarsError as failure:
        reason = shown(str(failure).split("\n")[0])
        raise TableError(
            f"{name}: it cannot be read as Parquet ({reason}); fetch or export it again"
        ) from failure
