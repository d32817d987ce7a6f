"""From what was trained to a bundle: model, tables, manifest and the proof that ONNX answers as the estimator."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import metadata
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.gate import Evidence
from puntual.evaluation.splits import Rows, SplitKind, moment
from puntual.features import history
from puntual.features.timetable import usual_departures
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights import airports
from puntual.flights.arrays import Columns, take
from puntual.flights.flight import BANDS
from puntual.prediction import calibration, distribution
from puntual.prediction.calibration import Calibration
from puntual.registry import Agreement, Bundle, Manifest, SplitInfo
from puntual.reporting.training_result import Compared
from puntual.sources import FlightTable
from puntual.training.backtesting import Assessed
from puntual.training.dataset import Dataset
from puntual.training.estimator import CalibratedEstimator
from puntual.training.experts import Experts
from puntual.training.fitting import Trained
from puntual.training.onnx_export import convert, prove
from puntual.training.selection import Contest, sample_for_proof

LIBRARIES = ("lightgbm", "numpy", "onnx", "onnxruntime", "polars", "scikit-learn", "skl2onnx")
_REFERENCE_SAMPLE = 2_000
_HISTOGRAM_BINS = 10


class Choices(Protocol):
    """The options of a training that its bundle remembers."""

    @property
    def preset(self) -> str:
        """The preset of candidates."""
        ...

    @property
    def cost(self) -> str:
        """What the threshold was chosen by."""
        ...


@dataclass(frozen=True)
class Packed:
    """A bundle but for its card, and the estimator for notebooks."""

    manifest: Manifest
    model: bytes
    tested: bytes | None
    tables: dict[str, Columns]
    estimator: CalibratedEstimator

    def bundle(self, card: str) -> Bundle:
        """Join in the card."""
        return Bundle(self.manifest, self.model, card, self.tables, self.tested)


def pack(
    contest: Contest,
    assessed: Assessed,
    final: Trained,
    believed: Calibration,
    comparison: tuple[Compared, ...],
    evidence: Evidence,
    table: FlightTable,
    choices: Choices,
    now: datetime,
) -> Packed:
    """Convert both models, prove them, and gather all that a prediction looks up."""
    dataset = contest.dataset
    scheduled = dataset.flights["scheduled_departure"]
    proof = sample_for_proof(dataset, np.arange(len(dataset.flights)))
    model, agreement = _proven(final.experts, proof, comparison)
    by_time = contest.split.kind is SplitKind.TIME
    tested = _proven(assessed.trained.experts, proof, comparison)[0] if by_time else None
    manifest = Manifest(
        created=now,
        puntual=metadata.version("puntual"),
        candidate=assessed.recipe.candidate.name,
        treatment=assessed.recipe.candidate.treatment.value,
        preset=choices.preset,
        source=table.source,
        data_digest=table.digest,
        late_rule=table.late_rule,
        columns=COLUMNS,
        input_width=len(COLUMNS),
        bands=BANDS,
        threshold=assessed.threshold,
        threshold_rule=choices.cost,
        split=split_info(contest),
        period=(moment(scheduled, np.intp(0)), moment(scheduled, np.intp(len(scheduled) - 1))),
        history_until=_closing_day(dataset),
        airports=tuple(dataset.flights["origin"].unique().sort()),
        agreement=agreement,
        versions={name: metadata.version(name) for name in LIBRARIES},
        scores=assessed.scores,
        evidence=evidence,
    )
    tables = _tables(contest, assessed, final, believed)
    return Packed(manifest, model, tested, tables, CalibratedEstimator(final.experts, believed))


def split_info(contest: Contest) -> SplitInfo:
    """Describe a split: from when to when, and how many flights."""
    split, scheduled = contest.split, contest.dataset.flights["scheduled_departure"]

    def after(rows: Rows) -> datetime:
        return moment(scheduled, rows[-1]) + timedelta(minutes=1)

    return SplitInfo(
        kind=split.kind.value,
        train_from=moment(scheduled, split.train[0]),
        train_until=after(split.train),
        validation_until=after(split.validation),
        test_from=moment(scheduled, split.test[0]),
        test_until=after(split.test),
        train_rows=len(split.train),
        validation_rows=len(split.validation),
        test_rows=len(split.test),
        seed=contest.seed,
    )


def _proven(experts: Experts, proof: Matrix, comparison: tuple[Compared, ...]) -> tuple[bytes, Agreement]:
    model = convert(experts)
    difference = prove(experts, model, proof, "the model of the bundle")
    return model, Agreement(
        rows=len(proof),
        rows_with_missing=int(np.isnan(proof).any(axis=1).sum()),
        largest_difference=difference,
        candidates={f"{entry.name}:{entry.treatment}": entry.largest_difference for entry in comparison},
    )


def _tables(
    contest: Contest, assessed: Assessed, final: Trained, believed: Calibration
) -> dict[str, Columns]:
    dataset = contest.dataset
    tested = Calibration(assessed.calibration.known, assessed.calibration.unknown, assessed.trained.level)
    return {
        "calibration": calibration.to_table(believed),
        "tested_calibration": calibration.to_table(tested),
        "delay_shape": distribution.to_table(contest.shape()),
        "histograms": _histograms(dataset.full),
        "history": history.closing(_known_by_the_close(dataset)),
        "reference": _reference(dataset, final, believed),
        "typical_week": usual_departures(dataset.keys),
        "unlisted_airports": unlisted_airports(dataset),
        "vocabulary": dataset.vocabulary.to_table(),
    }


def unlisted_airports(dataset: Dataset) -> Columns:
    """Name the airports that nobody lists, with the time zones of those that flights left from."""
    flights = dataset.flights
    zones = dict(flights.select("origin", "time_zone").unique().iter_rows())
    seen = {*flights["origin"].unique(), *flights["destination"].unique()}
    codes = sorted(code for code in seen if airports.look_up(code) is None)
    return {
        "code": np.array(codes, np.str_),
        "time_zone": np.array([zones.get(code) or "" for code in codes], np.str_),
    }


def _closing_day(dataset: Dataset) -> date:
    """Give the last day of the table, whose operations are the last that the bundle knows."""
    return moment(dataset.flights["scheduled_departure"], np.intp(len(dataset.flights) - 1)).date()


def _known_by_the_close(dataset: Dataset) -> Columns:
    closing_day = (_closing_day(dataset) - date(1970, 1, 1)).days
    return take(dataset.operations, dataset.operations["day"] <= closing_day)


def _reference(dataset: Dataset, final: Trained, believed: Calibration) -> Columns:
    """Take the real flight in the middle of P(late), from a sample of the latest with history and timetable."""
    latest = dataset.full[-_REFERENCE_SAMPLE:]
    p_late = final.calibrated(believed, latest)[:, 1:].sum(axis=1)
    middle = np.argsort(p_late, kind="stable")[len(p_late) // 2]
    return {"column": np.array(COLUMNS), "value": latest[middle]}


def _histograms(matrix: Matrix) -> Columns:
    """Count each feature's values between its deciles, and the missing: what later drift is held against.

    Where deciles coincide there are fewer bins, and the rest of a feature's edges are NaN.
    """
    edges = np.full((len(COLUMNS), _HISTOGRAM_BINS + 1), np.nan)
    counts = np.zeros((len(COLUMNS), _HISTOGRAM_BINS), np.int64)
    missing = np.isnan(matrix).sum(axis=0)
    for place, values in enumerate(matrix.T):
        found, between = _histogram(values[~np.isnan(values)])
        counts[place, : len(found)], edges[place, : len(between)] = found, between
    return {"column": np.array(COLUMNS), "edges": edges, "counts": counts, "missing": missing}


def _histogram(present: Matrix) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    if not len(present):
        return np.empty(0, np.int64), np.empty(0)
    edges = np.unique(np.quantile(present, np.linspace(0, 1, _HISTOGRAM_BINS + 1)))
    counts, edges = np.histogram(present, edges if len(edges) > 1 else 1)
    return counts, edges.astype(np.float64)
