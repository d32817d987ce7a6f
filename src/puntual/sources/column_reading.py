"""Columns of a large table are read side by side, by as many threads as Polars may use, which lets others go on."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import polars as pl

from puntual.sources.raw_table import RawTable

# Fewer rows than this are read before another thread has woken up.
_LARGE = 1 << 15
ReadColumn = Callable[[RawTable], pl.Series]


def read_columns(raw: RawTable, readers: Mapping[str, ReadColumn]) -> dict[str, pl.Series]:
    """Read columns, each by its own function; what is wrong is collected in the order of the functions."""
    if raw.frame.height < _LARGE or pl.thread_pool_size() < 2:
        return {name: read(raw) for name, read in readers.items()}
    alone = {name: replace(raw, faults=[]) for name in readers}
    with ThreadPoolExecutor(pl.thread_pool_size(), thread_name_prefix="puntual-sources") as pool:
        columns = pool.map(lambda name: readers[name](alone[name]), readers)
        read = dict(zip(readers, columns, strict=True))
    for name in readers:
        raw.faults.extend(alone[name].faults)
    return read
