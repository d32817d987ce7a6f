"""`puntual evaluate` on a cluster: flights are predicted run by run, and scored together in the order of the table."""

from collections.abc import Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import BundleError
from puntual.evaluation import Outcomes, Predicted
from puntual.features.states import CONDITIONS
from puntual.prediction.predictions import Predictions
from puntual.registry import Bundle
from puntual.scale.cluster import Cluster, Progress, Task
from puntual.scale.network import counts_elsewhere
from puntual.scale.part_dataset import PartPlace, read_dataset
from puntual.scale.part_predictor import share_bundle, shared_predictor
from puntual.scale.source_files import SourceTable
from puntual.scale.tables import OnRead, read_parts
from puntual.scale.work_folder import WorkFolder, key_of, work_beside
from puntual.sources.validation import KEY
from puntual.training.bundle_scores import (
    DAY,
    Scored,
    between,
    outcomes_of,
    predict_at,
    predict_under,
    require_enough,
    trained_on,
)
from puntual.training.experiment import Options

_BANDS, _QUANTILES = 5, 3


class Scoring(msgspec.Struct, frozen=True):
    """Which flights are scored, at which horizons, and what is hidden from these."""

    start: datetime | None
    until: datetime | None
    split_test: bool
    horizons: tuple[str, ...]
    without: tuple[str, ...]

    @property
    def live(self) -> bool:
        """Whether any cut-off lies within the day."""
        return bool(set(self.horizons) - {DAY})


def spread_scores(
    cluster: Cluster,
    bundle: Bundle,
    table: SourceTable,
    scoring: Scoring,
    *,
    scratch: str | None = None,
    on_read: OnRead | None = None,
    progress: Progress | None = None,
) -> Scored:
    """Give the scores that `training.bundle_scores.score_bundle` gives, to the bit, by the workers of a cluster.

    `on_read` is called with what is to be known of the table.

    What is finished is kept in `scratch`, or hidden in the folder of the command, until all is. Raise BundleError for
    the own test of a bundle that was split at random.
    """
    manifest = bundle.manifest
    if scoring.split_test and manifest.split.kind != "time":
        raise BundleError(
            f"bundle {bundle.version} was split at random, and its test is drawn from the whole table; expected one "
            "split by time; leave out --cluster"
        )
    key = key_of(metadata.version("puntual"), bundle.version, table, table.stamps(), scoring)
    folder = work_beside(Path("scores"), scratch, key)
    with folder.shared_by(cluster):
        share_bundle(folder, bundle)
        options = Options(target=manifest.target)
        parts = read_parts(
            folder,
            cluster,
            table,
            options,
            live=scoring.live,
            late_rule=manifest.late_rule,
            on_read=on_read,
            progress=progress,
        )
        tasks = [Task(place.name, predict_run, (place, scoring)) for place in parts.places()]
        folder.run(cluster, "score", tasks, int, progress)
        return _score(folder, [task.name for task in tasks], bundle, scoring, parts.files[0].source)


def predict_run(folder: WorkFolder, place: PartPlace, scoring: Scoring) -> int:
    """Predict the flights of a run under each condition and at each horizon, and write it; give their number."""
    predictor = shared_predictor(folder, scoring.split_test)
    manifest = predictor.bundle.manifest
    dataset, own = read_dataset(folder, place, manifest.late_rule, live=scoring.live)
    flights = dataset.flights.with_row_index("place")
    test = manifest.split
    bounds = between(test.test_from, test.test_until) if scoring.split_test else pl.lit(True)
    chosen = flights[own].filter(bounds, between(scoring.start, scoring.until))
    outcomes = outcomes_of(chosen, manifest.late_rule)
    folder.write(
        f"scored/flights/{place.name}.parquet",
        chosen.select(KEY).with_columns(
            band=pl.Series(outcomes.band), delay=pl.Series(outcomes.delay), day=pl.Series(outcomes.day)
        ),
    )
    elsewhere = counts_elsewhere(dataset.around.days, dataset.operations)
    for condition in CONDITIONS:
        predictions = predict_under(predictor, condition, chosen, flights, elsewhere)
        _write(folder, condition.name, place.name, predictions, np.ones(chosen.height, bool))
    live = dataset.live.without(*scoring.without)
    for horizon in scoring.horizons:
        waiting, predictions = predict_at(predictor, live, chosen, horizon, elsewhere)
        _write(folder, f"at-{horizon}", place.name, predictions, waiting)
    return chosen.height


def _write(
    folder: WorkFolder,
    name: str,
    run: str,
    predictions: Predictions,
    waiting: NDArray[np.bool_],
) -> None:
    """Write what is scored of predictions, one row for each flight of the run; null of those that are not waiting."""
    values = np.full((len(waiting), _BANDS + _QUANTILES), np.nan)
    values[waiting] = np.hstack([predictions.bands, predictions.quantiles])
    columns = {f"value_{place}": column for place, column in enumerate(values.T)}
    folder.write(f"scored/{name}/{run}.parquet", pl.DataFrame({"waiting": waiting, **columns}))


def _score(folder: WorkFolder, runs: Sequence[str], bundle: Bundle, scoring: Scoring, source: str) -> Scored:
    """Score all runs together, in the order of the table."""
    flights = pl.concat([folder.read(f"scored/flights/{run}.parquet") for run in runs])
    require_enough(flights.height, scoring.start, scoring.until)
    placed = flights.with_row_index("place").sort(*KEY, maintain_order=True)
    order = placed["place"].to_numpy()
    outcomes = Outcomes(*(placed[name].to_numpy() for name in ("band", "delay", "day")))
    trained = 0 if scoring.split_test else trained_on(bundle, source, placed["scheduled_departure"])
    scored, threshold = Scored({}, trained), bundle.manifest.threshold
    for condition in CONDITIONS:
        _, predicted = _read(folder, condition.name, runs, order)
        scored.add_state(condition.name, outcomes, predicted, threshold)
    for horizon in scoring.horizons:
        waiting, predicted = _read(folder, f"at-{horizon}", runs, order)
        scored.add_horizon(horizon, outcomes, waiting, predicted, threshold)
    return scored


def _read(
    folder: WorkFolder, name: str, runs: Sequence[str], order: NDArray[np.uint32]
) -> tuple[NDArray[np.bool_], Predicted]:
    """Read what was predicted of all flights, in order, and who was waiting."""
    table = pl.concat([folder.read(f"scored/{name}/{run}.parquet") for run in runs])[order]
    waiting = table["waiting"].to_numpy()
    values = table.drop("waiting").to_numpy()[waiting]
    bands, quantiles = (np.ascontiguousarray(part) for part in np.split(values, [_BANDS], axis=1))
    return waiting, Predicted(bands, quantiles)
