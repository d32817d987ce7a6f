"""The vectors that training sees, as Parquet: a file for each origin airport and month, made and written by itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from puntual.errors import NotEnoughFlightsError
from puntual.evaluation.splits import Rows
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.moments import MINUTES_A_DAY
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.operations import Minutes
from puntual.registry.card_record import Omission
from puntual.sources import FlightTable
from puntual.storage.atomic_folder import atomic_folder, flush
from puntual.storage.os_errors import translate_os_errors
from puntual.training.dataset import TrainingVectors
from puntual.training.experiment import Options, operated_in

# What a vector is of, before its features.
IDENTITY = ("airline", "flight_number", "origin", "destination", "scheduled_departure", "as_of")
# The close of the day before.
DAY = "day"
NO_FLIGHTS = (
    "no flight of the period has an operation; expected at least one; give a longer period, or another table"
)
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class WrittenFeatures:
    """What was written: so many files, with vectors of flights, so many columns wide; and what was left out."""

    files: int
    vectors: int
    flights: int
    columns: int
    omitted: tuple[Omission, ...]


def write_features(
    table: FlightTable,
    folder: Path,
    options: Options,
    horizons: Sequence[str] = (DAY,),
    progress: Progress | None = None,
) -> WrittenFeatures:
    """Write the vectors of the operated flights of a period at some horizons, to `ORIGIN/YEAR-MONTH.parquet`.

    They are those of a training on all these flights, to the bit. A horizon is `day`, the close of the day before, or
    minutes before the schedule, at which flights that were known to be gone have no vector; with any of those, vectors
    hold what is live too, which is NaN at `day`. Vectors are float32; `as_of` is the cut-off by the clocks at the
    origin. The folder is there when all of it is written. Raise NotEnoughFlightsError for a table without flights.
    """
    dataset, omitted = operated_in(table, options)
    if dataset.flights.is_empty():
        raise NotEnoughFlightsError(NO_FLIGHTS)
    learnt = TrainingVectors(dataset, np.arange(len(dataset.flights)), at_once=False)
    parts = list(_parts(dataset.flights))
    vectors = 0
    with atomic_folder(folder) as draft:
        for place, (origin, month, rows) in enumerate(parts):
            if progress is not None:
                progress(f"{origin} {month}", place, len(parts))
            written = vectors_at(learnt, rows, horizons)
            vectors += written.height
            _write(written, draft / origin / f"{month}.parquet")
    return WrittenFeatures(len(parts), vectors, len(dataset.flights), len(columns_at(horizons)), omitted)


def columns_at(horizons: Sequence[str]) -> tuple[str, ...]:
    """Name the features that vectors at these horizons hold."""
    return COLUMNS if set(horizons) == {DAY} else ALL_COLUMNS


def vectors_at(learnt: TrainingVectors, rows: Rows, horizons: Sequence[str]) -> pl.DataFrame:
    """Make the vectors of some flights at some horizons, with what each is of before it."""
    columns = columns_at(horizons)
    return pl.concat([_at(learnt, rows, horizon, columns) for horizon in horizons])


def _parts(flights: pl.DataFrame) -> Iterator[tuple[str, str, Rows]]:
    """Part flights by origin and month of the schedule, in that order."""
    month = pl.col("scheduled_departure").dt.strftime("%Y-%m").alias("month")
    rows = flights.select("origin", month, row=pl.int_range(pl.len()))
    for (origin, of_month), part in sorted(rows.partition_by("origin", "month", as_dict=True).items()):
        yield str(origin), str(of_month), part["row"].to_numpy().astype(np.intp)


def _at(learnt: TrainingVectors, rows: Rows, horizon: str, columns: Sequence[str]) -> pl.DataFrame:
    """Make the vectors of some flights at one horizon, with what each is of before it."""
    if horizon == DAY:
        matrix = learnt.full(rows)
        nothing = np.full((len(rows), len(columns) - matrix.shape[1]), np.nan, np.float32)
        return _table(
            learnt, rows, learnt.dataset.keys.day[rows] * MINUTES_A_DAY, np.hstack([matrix, nothing])
        )
    minutes, live = int(horizon), learnt.dataset.live
    rows = rows[live.is_waiting(rows, minutes)]
    clock = live.operations.scheduled[rows] - minutes + live.offsets[rows]
    return _table(learnt, rows, clock, learnt.live(rows, minutes))


def _table(learnt: TrainingVectors, rows: Rows, clock: Minutes, matrix: Matrix) -> pl.DataFrame:
    """Name the columns; `clock` (n,) are the cut-offs in minutes since 1970 by the clocks at the origin."""
    names = COLUMNS if matrix.shape[1] == len(COLUMNS) else ALL_COLUMNS
    as_of = pl.Series("as_of", clock.astype("datetime64[m]").astype("datetime64[us]"))
    flights = learnt.dataset.flights[rows].select(IDENTITY[:-1]).with_columns(as_of)
    return flights.hstack(pl.DataFrame(matrix, schema=dict.fromkeys(names, pl.Float32)))


def _write(vectors: pl.DataFrame, path: Path) -> None:
    with translate_os_errors(str(path)):
        path.parent.mkdir(exist_ok=True)
        vectors.write_parquet(path)
        flush(path)
