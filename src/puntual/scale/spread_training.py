"""`puntual train` on a cluster: reading and vectors are spread, and one task on the largest worker fits."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.flight import LateRule
from puntual.reporting.training_result import Training
from puntual.scale.cluster import Cluster, Progress, Task, disk_near, tell
from puntual.scale.network import WEATHER_NAME
from puntual.scale.part_dataset import PartPlace, read_dataset
from puntual.scale.runs import flights_name
from puntual.scale.source_files import SourceTable
from puntual.scale.spread_features import options_key
from puntual.scale.tables import OnRead, Parts, notes_of, read_parts
from puntual.scale.work_folder import WorkFolder, key_of, work_beside
from puntual.sources import FlightTable, LeftOut
from puntual.sources.files import read_bytes
from puntual.sources.validation import KEY
from puntual.storage import is_url
from puntual.training.dataset import Dataset
from puntual.training.experiment import Options, require_bands
from puntual.training.train import train

_TOPIC = "puntual-training"


@dataclass(frozen=True)
class Fit:
    """What the task that fits is given: where the parts lie, what their table says of itself, and where to publish."""

    table: SourceTable
    parts: Parts
    options: Options
    registry: str
    now: datetime
    has_reports: bool


def spread_training(
    cluster: Cluster,
    table: SourceTable,
    *,
    registry: str,
    now: datetime,
    options: Options,
    reports: Path | None = None,
    scratch: str | None = None,
    on_read: OnRead | None = None,
    progress: Progress | None = None,
) -> Training:
    """Train as `training.train.train` does, to the bit, from flights and vectors that the workers of a cluster made.

    `on_read` is called with what is to be known of the table.

    What is finished is kept in `scratch`, or hidden in the folder of the command, until all is. The registry has to be
    one that the workers see.
    """
    registry = registry if is_url(registry) else str(Path(registry).absolute())
    key = key_of(metadata.version("puntual"), table, table.stamps(), options_key(options))
    folder = work_beside(Path("training"), scratch, key)
    with folder.shared_by(cluster):
        WorkFolder(registry).require_shared(cluster)
        parts = read_parts(folder, cluster, table, options, live=False, on_read=on_read, progress=progress)
        places = parts.places()
        tasks = [Task(place.name, make_uncoded, (place, parts.late_rule)) for place in places]
        folder.run(cluster, "vectors", tasks, int, progress)
        fit = Fit(table, parts, options, registry, now, reports is not None)
        # What is fitted does not depend on when a repeated command began.
        named = key_of(options, registry, fit.has_reports)[:16]
        task = Task(named, fit_parts, (fit,))
        training = folder.run_on_largest(cluster, "fit", task, Training, _TOPIC, progress)
        if reports is not None:
            reports.mkdir(parents=True, exist_ok=True)
            for name in folder.names(f"reports/{training.version}"):
                folder.copy_out(name, reports / Path(name).name)
        return training


def make_uncoded(folder: WorkFolder, place: PartPlace, rule: LateRule) -> int:
    """Make the vectors of a run's flights with all codes 0, and write them; give their number."""
    dataset, own = read_dataset(folder, place, rule, live=False)
    matrix = dataset.uncoded_of(dataset.keys.take(own))
    folder.write(_vectors_name(place.name), pl.DataFrame(matrix, schema=list(COLUMNS)))
    return len(matrix)


def fit_parts(folder: WorkFolder, fit: Fit) -> Training:
    """Fit, choose, test and publish on this machine; give the record of it."""
    with tempfile.TemporaryDirectory(dir=disk_near()) as near:
        dataset = _dataset(folder, fit, Path(near) / "vectors")
        require_bands(dataset)
        reports = Path(near) / "reports" if fit.has_reports else None
        training = train(
            _without_flights(fit, dataset.flights),
            registry=fit.registry,
            now=fit.now,
            options=fit.options,
            reports=reports,
            progress=partial(tell, _TOPIC),
            prepared=(dataset, fit.parts.omitted),
        )
        for report in sorted(reports.iterdir()) if reports is not None else ():
            folder.store.write(f"reports/{training.version}/{report.name}", report.read_bytes())
    return training


def _dataset(folder: WorkFolder, fit: Fit, near: Path) -> Dataset:
    """Put all parts together in the order of the table; the vectors in a file that is mapped into memory."""
    runs = [place.name for place in fit.parts.places()]
    flights = pl.concat([folder.read(flights_name(run)) for run in runs])
    order = flights.with_row_index("place").sort(*KEY, maintain_order=True)["place"].to_numpy()
    weather = folder.read(WEATHER_NAME) if fit.parts.weather else None
    made = _mapped(folder, runs, order, near)
    return Dataset(flights[order], fit.parts.late_rule, fit.options.seed, weather, made)


def _mapped(folder: WorkFolder, runs: Sequence[str], order: NDArray[np.uint32], path: Path) -> Matrix:
    """Write the vectors of all parts into one file, each at its flight's place."""
    places = np.empty(len(order), np.intp)
    places[order] = np.arange(len(order))
    made = np.memmap(path, np.float32, "w+", shape=(len(order), len(COLUMNS)))
    begin = 0
    for run in runs:
        matrix = folder.read(_vectors_name(run)).to_numpy()
        made[places[begin : begin + len(matrix)]] = matrix
        begin += len(matrix)
    return made


def _without_flights(fit: Fit, flights: pl.DataFrame) -> FlightTable:
    """Give what the table says of itself; its flights are in parts."""
    files = fit.parts.files
    return FlightTable(
        flights.clear(),
        fit.parts.late_rule,
        files[0].digest if len(files) == 1 else _digest(fit.table),
        files[0].source,
        sum(file.rows for file in files),
        tuple(LeftOut(gone.reason, gone.count, gone.example) for file in files for gone in file.left_out),
        notes_of(files),
        pl.Series("record", [], pl.UInt32),
    )


def _digest(table: SourceTable) -> str:
    """Give the SHA-256 of all files of a table after one another."""
    total = hashlib.sha256()
    for place in table.files():
        if place is not None:
            total.update(read_bytes(place))
    return total.hexdigest()


def _vectors_name(run: str) -> str:
    return f"uncoded/{run}.parquet"
