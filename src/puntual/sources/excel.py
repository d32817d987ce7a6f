"""The first sheet of an Excel workbook (.xlsx) → a RawTable, with the types that its cells have."""

from datetime import datetime
from io import BytesIO

import polars as pl
from polars import selectors

from puntual.errors import TableError
from puntual.sources.limits import refuse_wide
from puntual.sources.messages import shown
from puntual.sources.raw_table import RawTable, raw_table
from puntual.sources.workbook_size import refuse_oversized

# A time of day is a fraction of a day, and Excel counts its days from here on.
FIRST_DAYS = datetime(1901, 1, 1)


def read_excel(data: bytes, name: str, missing: tuple[str, ...] = ()) -> RawTable:
    """Read the first sheet, its first row the header; a text that says what `missing` lists is null."""
    import fastexcel

    refuse_oversized(data, name)
    try:
        frame = pl.read_excel(BytesIO(data), drop_empty_rows=False)
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError) as failure:
        reason = shown(str(failure).split("\n")[0])
        raise TableError(
            f"{name}: it cannot be read as an Excel workbook ({reason}); save it as .xlsx, or as CSV in UTF-8"
        ) from failure
    refuse_wide(frame.width, name)
    texts = frame.select(selectors.string()).columns if missing else []
    frame = frame.with_columns(pl.when(~pl.col(text).is_in(missing)).then(text) for text in texts)
    return raw_table(name, frame.with_columns(_clock(frame[text]) for text in _clocks(frame)))


def _clocks(frame: pl.DataFrame) -> list[str]:
    moments = frame.select(selectors.datetime())
    return [name for name in moments.columns if (moments[name] < FIRST_DAYS).all() and moments[name].count()]


def _clock(moments: pl.Series) -> pl.Series:
    return moments.dt.strftime("%H:%M")
