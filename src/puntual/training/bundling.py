"""From what was trained to a bundle: model, tables, manifest and the proof that ONNX answers as the estimator."""

from datetime import date, datetime, timedelta
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.gate import Evidence
from puntual.evaluation.splits import Rows, moment
from puntual.features import history
from puntual.features.live_vector import LIVE_COLUMNS
from puntual.features.states import LIVE_STATES, STATES, rows_in
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights import airports
from puntual.flights.arrays import Columns, take
from puntual.flights.schema import target_of
from puntual.prediction import calibration, questions
from puntual.prediction.experts import Model
from puntual.registry import Agreement, Bundle, Manifest, SplitInfo
from puntual.reporting.training_result import CandidateResult
from puntual.sources import FlightTable
from puntual.training.backtesting import EvaluatedModel
from puntual.training.dataset import Dataset
from puntual.training.experiment import Experiment, Options
from puntual.training.fitting import FittedModel
from puntual.training.live_fit import live_proof
from puntual.training.onnx_export import columns_read, convert, prove
from puntual.training.selection import sample_for_proof

LIBRARIES = ("lightgbm", "numpy", "onnx", "onnxruntime", "polars", "scikit-learn", "skl2onnx")
_REFERENCE_SAMPLE = 2_000
_HISTOGRAM_BINS = 10
# Flights that a bundle is asked about in each state of knowledge when it is loaded.
_QUESTIONS = 24


def make_bundle(
    experiment: Experiment,
    evaluated: EvaluatedModel,
    final: FittedModel,
    comparison: tuple[CandidateResult, ...],
    evidence: Evidence,
    table: FlightTable,
    options: Options,
    now: datetime,
) -> Bundle:
    """Convert the tested and the final model, prove them, and gather all that a prediction looks up; no card yet."""
    tested_model = evaluated.fitted
    dataset = experiment.dataset
    target = target_of(dataset.flights)
    scheduled = dataset.flights["scheduled_departure"]
    experts, agreement = _proven(final, comparison)
    tested = None if final is tested_model else _proven(tested_model, comparison)[0]
    manifest = Manifest(
        created=now,
        puntual=metadata.version("puntual"),
        candidate=final.candidate.name,
        treatment=final.candidate.treatment.value,
        preset=options.preset,
        source=table.source,
        data_digest=table.digest,
        late_rule=table.late_rule,
        columns=COLUMNS,
        input_width=len(COLUMNS),
        expert_columns=columns_read(final.experts),
        bands=target.bands,
        threshold=evaluated.threshold,
        threshold_rule=options.cost,
        split=split_info(experiment),
        period=(moment(scheduled, np.intp(0)), moment(scheduled, np.intp(len(scheduled) - 1))),
        history_until=_closing_day(dataset),
        airports=tuple(dataset.flights["origin"].unique().sort()),
        agreement=agreement,
        versions={name: metadata.version(name) for name in LIBRARIES},
        scores=evaluated.scores,
        evidence=evidence,
        mixtures={state: dict(mixture) for state, mixture in final.experts.mixtures.items()},
        absent=dataset.keys.absent(),
        target=target,
    )
    tables = _tables(experiment, tested_model, final)
    for prefix, model, answering in (("", final, experts), ("tested_", tested_model, tested or experts)):
        tables[f"{prefix}questions"] = make_questions(model, answering)
        if model.experts.live_states:
            tables[f"{prefix}live_questions"] = _make_live_questions(model, answering)
    return Bundle(manifest, experts, "", tables, tested)


def split_info(experiment: Experiment) -> SplitInfo:
    """Describe a split: from when to when, and how many flights."""
    split, scheduled = experiment.split, experiment.dataset.flights["scheduled_departure"]

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
        seed=experiment.seed,
    )


def _proven(
    model: FittedModel, comparison: tuple[CandidateResult, ...]
) -> tuple[dict[str, bytes], Agreement]:
    proof = sample_for_proof(model.vectors, np.arange(len(model.vectors.dataset.flights)))
    models = convert(model.experts)
    difference = prove(model.experts, models, model.candidate.name, proof)
    if model.experts.live_states:
        difference = max(difference, prove(model.experts, models, model.candidate.name, live_proof(model)))
    return models, Agreement(
        rows=len(proof),
        rows_with_missing=int(np.isnan(proof).any(axis=1).sum()),
        largest_difference=difference,
        candidates={f"{entry.name}:{entry.treatment}": entry.largest_difference for entry in comparison},
    )


def _tables(experiment: Experiment, tested: FittedModel, final: FittedModel) -> dict[str, Columns]:
    dataset = experiment.dataset
    return {
        **_learnt(final),
        **{f"tested_{name}": table for name, table in _learnt(tested).items()},
        "delay_shape": calibration.shape_to_table(experiment.shape()),
        "histograms": _histograms(final.vectors.full(np.arange(len(dataset.flights)))),
        "history": history.closing(_known_by_the_close(dataset)),
        "reference": _reference(final),
        **({"live_reference": _live_reference(final)} if final.experts.live_states else {}),
        "routes": _routes(dataset),
        "unlisted_airports": unlisted_airports(dataset),
    }


def _learnt(model: FittedModel) -> dict[str, Columns]:
    """Lay out what goes with one model and no other."""
    return {
        "calibration": calibration.to_table(model.calibration),
        **({"turns": model.vectors.turns} if model.experts.live_states else {}),
        "typical_week": model.vectors.usual_departures,
        "vocabulary": model.vectors.vocabulary.to_table(),
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


def _routes(dataset: Dataset) -> Columns:
    """Name the routes that flights were on, so that others can be warned of."""
    routes = (
        dataset.flights.select("origin", "destination").drop_nulls().unique().sort("origin", "destination")
    )
    return {name: np.array(routes[name].to_list(), np.str_) for name in routes.columns}


def _closing_day(dataset: Dataset) -> date:
    """Give the last day of the table, whose operations are the last that the bundle knows."""
    return moment(dataset.flights["scheduled_departure"], np.intp(len(dataset.flights) - 1)).date()


def _known_by_the_close(dataset: Dataset) -> Columns:
    closing_day = (_closing_day(dataset) - date(1970, 1, 1)).days
    return take(dataset.operations, dataset.operations["day"] <= closing_day)


def _reference(final: FittedModel) -> Columns:
    """Take the real flight in the middle of P(late), from a sample of the latest with history and timetable."""
    flights = len(final.vectors.dataset.flights)
    latest = final.vectors.full(np.arange(max(0, flights - _REFERENCE_SAMPLE), flights))
    p_late = final.predict(latest)[:, 1:].sum(axis=1)
    middle = np.argsort(p_late, kind="stable")[len(p_late) // 2]
    return {"column": np.array(COLUMNS), "value": latest[middle]}


def _live_reference(final: FittedModel) -> Columns:
    """Take what is usually known an hour ahead, as what live reasons compare with; NaN where it never is."""
    flights = len(final.vectors.dataset.flights)
    now = final.vectors.live(np.arange(max(0, flights - _REFERENCE_SAMPLE), flights), 60)[:, len(COLUMNS) :]
    usual = np.full(len(LIVE_COLUMNS), np.nan, np.float32)
    known = ~np.isnan(now).all(axis=0)
    usual[known] = np.nanmedian(now[:, known], axis=0)
    return {"column": np.array(LIVE_COLUMNS), "value": usual}


def make_questions(model: FittedModel, experts: dict[str, bytes]) -> Columns:
    """Ask the ONNX models about real flights of the whole period, as shown to the expert of each state."""
    rows = np.linspace(0, len(model.vectors.dataset.flights) - 1, _QUESTIONS).astype(np.intp)
    return _as_questions(
        model, experts, np.concatenate([model.vectors.for_fitting(state, rows) for state in STATES])
    )


def _make_live_questions(model: FittedModel, experts: dict[str, bytes]) -> Columns:
    """Ask the live models about real flights as their day unfolded."""
    proof = live_proof(model)
    states = [rows_in(state, proof) for state in LIVE_STATES if state.name in model.experts.live_states]
    return _as_questions(model, experts, proof[np.concatenate([rows[:_QUESTIONS] for rows in states])])


def _as_questions(model: FittedModel, experts: dict[str, bytes], matrix: Matrix) -> Columns:
    read, name = columns_read(model.experts), model.candidate.name
    answering = Model(experts, read, name, threads=1, mixtures=model.experts.mixtures)
    bands = answering.bands(matrix).astype(np.float64)
    return questions.to_table(matrix, model.calibration.apply(bands, matrix))


def _histograms(matrix: Matrix) -> Columns:
    """Count each feature's values between its deciles, and the missing: what later drift is held against.

    Where deciles coincide there are fewer bins, and the rest of a feature's edges are NaN.
    """
    edges = np.full((len(COLUMNS), _HISTOGRAM_BINS + 1), np.nan)
    counts = np.zeros((len(COLUMNS), _HISTOGRAM_BINS), np.int64)
    missing = np.zeros(len(COLUMNS), np.int64)
    for place, values in enumerate(matrix.T):
        unknown = np.isnan(values)
        missing[place] = unknown.sum()
        counted, between = _histogram(values[~unknown])
        counts[place, : len(counted)], edges[place, : len(between)] = counted, between
    return {"column": np.array(COLUMNS), "edges": edges, "counts": counts, "missing": missing}


def _histogram(present: Matrix) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    if not len(present):
        return np.empty(0, np.int64), np.empty(0)
    edges = np.unique(np.quantile(present, np.linspace(0, 1, _HISTOGRAM_BINS + 1)))
    counts, edges = np.histogram(present, edges if len(edges) > 1 else 1)
    return counts, edges.astype(np.float64)
