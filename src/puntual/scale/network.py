"""What a part has to know of all others: the network's daily counts, its points at each minute, and the codes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import polars as pl

from puntual.features.from_frame import operations_of
from puntual.features.history import COUNTS
from puntual.features.live import LINE_WIDTHS, Lines, points_of
from puntual.features.moments import network_line
from puntual.features.route import CODED, Vocabulary, ranked
from puntual.flights.arrays import Columns
from puntual.flights.flight import LateRule
from puntual.flights.operations import NEVER, Operations
from puntual.scale.work_folder import WorkFolder

DAYS_NAME = "network/days.parquet"
WEATHER_NAME = "network/weather.parquet"
_WIDEST = max(LINE_WIDTHS)
_POINT = [f"count_{place}" for place in range(_WIDEST)]


def daily_counts(flights: pl.DataFrame, rule: LateRule) -> pl.DataFrame:
    """Sum the operations of flights by the day (since 1970) on which they became known: `day` and `COUNTS`."""
    operations = operations_of(flights, rule)
    return by_day(pl.DataFrame({name: operations[name] for name in ("day", *COUNTS)}))


def by_day(rows: pl.DataFrame) -> pl.DataFrame:
    """Sum counts by day, in order."""
    return rows.group_by("day").agg(pl.col(COUNTS).sum()).sort("day")


def counts_elsewhere(network: pl.DataFrame, operations: Columns) -> Columns:
    """Give the network's daily counts but for those of some operations that are known by themselves."""
    own = pl.DataFrame({name: operations[name] for name in ("day", *COUNTS)})
    negative = own.select("day", -pl.col(COUNTS))
    counts = by_day(pl.concat([network, negative])).filter(pl.col("day").is_in(network["day"].implode()))
    return {name: counts[name].to_numpy() for name in counts.columns}


def vocabulary_of(values: Iterable[Mapping[str, Mapping[str, int]]]) -> Vocabulary:
    """Rank the values of each coded key by their flights in all parts."""
    totals: dict[str, Counter[str]] = {kind: Counter() for kind in CODED}
    for of_part in values:
        for kind, counts in of_part.items():
            totals[kind].update(counts)
    return Vocabulary({kind: ranked(counts) for kind, counts in totals.items()})


def points_table(operations: Operations) -> pl.DataFrame:
    """Sum what flights put on each of the network's lines by the minute."""
    tables = []
    for line, on in enumerate(points_of(operations)):
        counts = np.zeros((len(on.minute), _WIDEST), np.int64)
        counts[:, : on.counts.shape[1]] = on.counts
        columns = dict(zip(_POINT, counts.T, strict=True))
        tables.append(
            pl.DataFrame({"line": np.full(len(counts), line, np.int8), "minute": on.minute, **columns})
        )
    return summed_points(pl.concat(tables).filter(pl.col("minute") < NEVER))


def summed_points(points: pl.DataFrame) -> pl.DataFrame:
    """Sum points of the same line and minute."""
    return points.group_by("line", "minute").agg(pl.col(_POINT).sum()).sort("line", "minute")


@lru_cache(maxsize=2)
def network_lines(folder: WorkFolder, months: tuple[str, ...]) -> Lines:
    """Lay out what all flights of some months put on the network's lines; kept, as many airports ask for the same."""
    tables = [folder.read_if_there(network_name(month)) for month in months]
    # The flights of two months may leave at the same minute.
    points = summed_points(pl.concat([table for table in tables if table is not None]))
    lines = []
    for line, width in enumerate(LINE_WIDTHS):
        on = points.filter(pl.col("line") == line)
        lines.append(network_line(on["minute"].to_numpy(), on.select(_POINT[:width]).to_numpy()))
    return Lines(*lines)


def sum_month(folder: WorkFolder, month: str, runs: Sequence[str]) -> int:
    """Sum the points that all airports' flights of a month put on the network's lines; give their number."""
    names = [points_name(run) for run in runs]
    tables = folder.read_each(names, lambda points: points.filter(pl.col("month") == month))
    points = summed_points(pl.concat(tables).drop("month"))
    folder.write(network_name(month), points)
    return points.height


def points_name(run: str) -> str:
    """Name the table of the points of a run's flights."""
    return f"points/{run}.parquet"


def network_name(month: str) -> str:
    """Name the table of the points of all flights of a month."""
    return f"network/{month}.parquet"
