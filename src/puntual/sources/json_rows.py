"""JSON bytes → a RawTable of text."""

import polars as pl

from puntual.sources.json_objects import read_objects
from puntual.sources.raw_table import RawTable, raw_table


def read_json_rows(data: bytes, name: str) -> RawTable:
    """Read an array of flat objects, one object, or one a line."""
    rows = read_objects(data, name)
    names = dict.fromkeys(key for row in rows for key in row)
    columns = {key: [row.get(key) for row in rows] for key in names}
    return raw_table(name, pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)))
