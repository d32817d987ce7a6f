"""`puntual predict` on a cluster: the same predictions in the same order, made airport by airport."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path

import msgspec
import polars as pl

from puntual.features.from_frame import canonical, operations_of, require_target
from puntual.flights import airports
from puntual.flights.arrays import Columns
from puntual.prediction.predictions import Predictions
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle
from puntual.scale.cluster import Cluster, Progress, Task
from puntual.scale.network import DAYS_NAME, counts_elsewhere, daily_counts
from puntual.scale.part_dataset import DAYS_BEFORE
from puntual.scale.part_predictor import predictions_from, predictions_table, share_bundle, shared_predictor
from puntual.scale.source_files import FLIGHTS_OF_A_RUN
from puntual.scale.work_folder import WorkFolder, key_of, work_beside

_DAY = pl.col("scheduled_departure").dt.date()


class PredictedPart(msgspec.Struct, frozen=True):
    """What one task predicts: the flights of a part, by name, and whether past and timetable were given."""

    name: str
    as_of: datetime | None
    reasons: bool
    has_past: bool
    has_timetable: bool


def spread_predictions(
    cluster: Cluster,
    bundle: Bundle,
    flights: pl.DataFrame,
    output: Path,
    as_of: datetime | None = None,
    *,
    past: pl.DataFrame | None = None,
    timetable_of: pl.DataFrame | None = None,
    reasons: bool = False,
    scratch: str | None = None,
    progress: Progress | None = None,
) -> Predictions:
    """Predict what `Predictor.predict` predicts, to the bit and in its order, by the workers of a cluster.

    What is finished is kept in `scratch`, or hidden beside the output; a repeated command goes on with it.
    """
    if past is not None:
        require_target(past, bundle.manifest.target)
    if flights.is_empty():
        return Predictor(bundle).predict(
            flights, as_of, past=past, timetable_of=timetable_of, reasons=reasons
        )
    key = key_of(
        metadata.version("puntual"),
        bundle.version,
        as_of and as_of.isoformat(),
        reasons,
        [None if table is None else _digest(table) for table in (flights, past, timetable_of)],
    )
    folder = work_beside(output, scratch, key)
    with folder.shared_by(cluster):
        share_bundle(folder, bundle)
        if past is not None:
            folder.write(DAYS_NAME, daily_counts(canonical(past), bundle.manifest.late_rule))
        names = list(_write_parts(folder, flights, past, timetable_of))
        tasks = [
            Task(
                name,
                predict_part,
                (PredictedPart(name, as_of, reasons, past is not None, timetable_of is not None),),
            )
            for name in names
        ]
        folder.run(cluster, "predict", tasks, int, progress)
        answered = pl.concat([folder.read(f"predictions/{name}.parquet") for name in names]).sort("row")
        return predictions_from(answered, bundle)


def predict_part(folder: WorkFolder, part: PredictedPart) -> int:
    """Predict the flights of a part, and write what is predicted with the rows of the flights; give their number."""
    requested = folder.read(f"requested/{part.name}.parquet")
    past = folder.read(f"past/{part.name}.parquet") if part.has_past else None
    predictor = shared_predictor(folder)
    predictions = predictor.predict(
        requested.drop("row"),
        part.as_of,
        past=past,
        elsewhere=None if past is None else _elsewhere(folder, past, predictor),
        timetable_of=folder.read(f"timetable/{part.name}.parquet") if part.has_timetable else None,
        reasons=part.reasons,
    )
    table = predictions_table(predictions).with_columns(requested["row"])
    folder.write(f"predictions/{part.name}.parquet", table)
    return table.height


def _elsewhere(folder: WorkFolder, past: pl.DataFrame, predictor: Predictor) -> Columns:
    rule = predictor.bundle.manifest.late_rule
    return counts_elsewhere(folder.read(DAYS_NAME), operations_of(canonical(past), rule))


def _write_parts(
    folder: WorkFolder, flights: pl.DataFrame, past: pl.DataFrame | None, timetable_of: pl.DataFrame | None
) -> Iterator[str]:
    """Write the flights by airport and months, each with the past and timetable of its airport; name the parts."""
    given = {"past": past, "timetable": timetable_of}
    beside = {kind: (_by_airport(table), table.clear()) for kind, table in given.items() if table is not None}
    requested = flights.with_columns(row=pl.int_range(pl.len()))
    for airport, own in _by_airport(requested).items():
        for number, part in enumerate(_runs(own)):
            name = f"{airport}-{number}"
            folder.write(f"requested/{name}.parquet", part)
            for kind, (tables, nothing) in beside.items():
                folder.write(f"{kind}/{name}.parquet", _around(tables.get(airport, nothing), part, kind))
            yield name


def _by_airport(table: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Part flights by the code of their origin, in order; raise UnknownAirportError for what is none."""
    codes = {code: airports.code_of(code) for code in table["origin"].unique().drop_nulls()}
    coded = table.with_columns(airport=pl.col("origin").replace(codes))
    parts = coded.partition_by("airport", as_dict=True, maintain_order=True)
    return {str(airport): part.drop("airport") for (airport,), part in sorted(parts.items())}


def _runs(flights: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut an airport's flights between months, in runs of about so many flights."""
    months = flights.select(
        pl.col("scheduled_departure").dt.strftime("%Y-%m").fill_null(""), place=pl.int_range(pl.len())
    )
    sizes = months.group_by("scheduled_departure").len().sort("scheduled_departure")
    run = (pl.col("len").cum_sum() - pl.col("len")) // FLIGHTS_OF_A_RUN
    numbered = months.join(sizes.with_columns(run=run), on="scheduled_departure")
    for _, part in sorted(numbered.partition_by("run", as_dict=True).items()):
        yield flights[part["place"].sort()]


def _around(table: pl.DataFrame, flights: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Keep what is looked at around the days of some flights."""
    first, last = (getattr(flights["scheduled_departure"].dt.date(), end)() for end in ("min", "max"))
    if first is None:
        return table.clear()
    begin = first - timedelta(days=DAYS_BEFORE) if kind == "past" else first
    return table.filter(_DAY.is_between(begin, last))


def _digest(table: pl.DataFrame) -> str:
    return hashlib.sha256(table.hash_rows().to_numpy().tobytes()).hexdigest()
