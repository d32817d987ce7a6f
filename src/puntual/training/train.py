"""A table of flights in; compared candidates, a proven bundle in a registry and a record of it all out."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from puntual.errors import SettingError
from puntual.evaluation import curves, gate, parse_cost
from puntual.evaluation.splits import SplitKind
from puntual.features.states import MAIN
from puntual.flights.schema import target_of
from puntual.registry import Bundle, Registry
from puntual.registry.card_record import Omission, TableRecord
from puntual.reporting.html_report import write_report
from puntual.reporting.model_card import model_card
from puntual.reporting.training_result import SeenRows, Training
from puntual.sources import FlightTable
from puntual.storage import require_writable
from puntual.storage.os_errors import translate_os_errors
from puntual.training.ablation import STEP_COUNT, ablate
from puntual.training.backtesting import (
    CUT_OFFS,
    EvaluatedModel,
    evaluate_model,
    gather_evidence,
    retrain,
    rolling_scores,
)
from puntual.training.bundling import make_bundle, split_info
from puntual.training.candidates import Candidate, parse_candidates
from puntual.training.dataset import Dataset
from puntual.training.experiment import FEWEST_ROWS, Experiment, Options, experiments, learnable
from puntual.training.fitting import CalibratedEstimator, FittedModel
from puntual.training.horizon_scores import score_horizons
from puntual.training.live_fit import add_live
from puntual.training.live_plan import LIVE_STEPS, plan_live
from puntual.training.selection import compare, learning_curve
from puntual.training.tuning import tune

__all__ = ["Options", "check_options", "train"]

Progress = Callable[[str, int, int], object]
PRESETS = {"standard": None, "quick": "logistic:none,lightgbm:none,neural:none"}


def train(
    table: FlightTable,
    *,
    registry: str = "models",
    now: datetime,
    options: Options | None = None,
    reports: Path | None = None,
    progress: Progress | None = None,
    prepared: tuple[Dataset, tuple[Omission, ...]] | None = None,
) -> Training:
    """Train, compare, choose, test and publish; then score by other splits; give the record of it all.

    The bundle is written to `registry` and promoted by nobody, before the backtests; `reports` is the folder for its
    report (HTML) and its card (Markdown). `now`, which carries a time zone, is when the bundle says it was made.
    `prepared` is what `experiment.learnable` makes of the table, where somebody has made it.
    `progress` is called as each step begins, with its name, the steps done so far and those in all. Raise
    StorageError before anything else where one of them cannot be written to, NotEnoughFlightsError for too small a
    table, and SettingError for a `now` without a time zone.
    """
    _require_time_zone(now)
    options = options or Options()
    candidates = check_options(options, registry, reports)
    # Threads of a matrix product would spin beside the fits, and six numbers of a calibration are no work for them.
    with threadpool_limits(limits=1, user_api="blas"):
        return _train(table, candidates, registry, now, options, reports, progress, prepared)


def _train(
    table: FlightTable,
    candidates: tuple[Candidate, ...],
    registry: str,
    now: datetime,
    options: Options,
    reports: Path | None,
    progress: Progress | None,
    prepared: tuple[Dataset, tuple[Omission, ...]] | None,
) -> Training:
    steps = _Steps(progress, _count(candidates, options))
    steps.begin("vectors")
    dataset, omitted = learnable(table, options) if prepared is None else prepared
    by_time, stratified = experiments(dataset, options)
    own, other = (by_time, stratified) if options.split == SplitKind.TIME else (stratified, by_time)
    if options.tune_minutes:
        candidates = tune(own, candidates, options.tune_minutes, steps.begin)
    winner, comparison = compare(own, candidates, steps.begin)
    evaluated = evaluate_model(own, winner, steps.begin)
    plan = None
    if options.live:
        plan = plan_live(own, evaluated, steps.begin)
        steps.begin("live experts before the test")
        evaluated = replace(evaluated, fitted=add_live(own, evaluated.fitted, own.split.before_test, plan))
    stored = Registry(registry)
    steps.begin("evidence for the gate")
    evidence = gather_evidence(own, evaluated, table, stored)
    steps.begin("fit on all flights")
    final = evaluated.fitted
    if own is by_time:
        final = retrain(own, evaluated)
        if plan is not None:
            final = add_live(own, final, np.arange(len(dataset.flights)), plan)
    steps.begin("bundle")
    bundle = make_bundle(own, evaluated, final, comparison, evidence, table, options, now)
    training = Training(
        created=now,
        puntual=metadata.version("puntual"),
        version="",
        command=options.command,
        preset=options.preset,
        tuned_minutes=options.tune_minutes,
        table=_describe(table, dataset, omitted),
        split=split_info(own),
        seen=_describe_seen(own),
        comparison=comparison,
        scores=evaluated.scores,
        horizons=score_horizons(own, evaluated) if options.live else (),
        mixtures=bundle.manifest.mixtures,
        by_split={own.split.kind.value: evaluated.scores[MAIN.name]},
        rolling=(),
        ablation=(),
        backtests="following" if options.backtest else "left out",
        curves=curves(own.dataset.outcomes(own.split.test), evaluated.predicted),
        rates=dataset.late_rates(),
        threshold=evaluated.threshold,
        threshold_rule=options.cost,
        feature_auc=evidence.feature_auc,
        agreement=bundle.manifest.agreement,
        findings=tuple(gate.check(evidence, stored.champion())),
    )
    training = _publish(training, bundle, final, stored)
    if options.backtest:
        training = _backtest(training, own, other, evaluated, steps)
    _report(training, reports)
    steps.finish()
    return training


def check_options(options: Options, registry: str, reports: Path | None) -> tuple[Candidate, ...]:
    """Give the candidates to compare; refuse what cannot be trained with or written to, before anything is read.

    Raise UnknownCandidateError, CostError, SettingError for minutes that are none, or StorageError.
    """
    candidates = parse_candidates(options.candidates or PRESETS[options.preset])
    parse_cost(options.cost)
    if not 0 <= options.tune_minutes < float("inf"):
        raise SettingError(
            f"tune_minutes is {options.tune_minutes}; expected a number of minutes from 0 upwards; give such as 10"
        )
    if options.rows is not None and options.rows < FEWEST_ROWS:
        raise SettingError(
            f"rows is {options.rows}; expected at least {FEWEST_ROWS:,} to fit; give more, or leave it out for as many "
            "as memory allows"
        )
    for place in (registry, reports):
        if place is not None:
            require_writable(place)
    return candidates


def _require_time_zone(now: datetime) -> None:
    if now.utcoffset() is None:
        raise SettingError(
            f"now is {now.isoformat()}, without a time zone; expected one, as a bundle says when it was made: "
            "give datetime.now(UTC)"
        )


class _Steps:
    """Tells a listener of each step as it begins."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._begun = progress, total, 0

    def begin(self, step: str) -> None:
        """Tell of a step that begins, which ends the one before."""
        if self._progress is not None:
            self._progress(step, min(self._begun, self._total), self._total)
        self._begun += 1

    def finish(self) -> None:
        """Tell that all is done."""
        if self._progress is not None:
            self._progress("done", self._total, self._total)


def _count(candidates: tuple[Candidate, ...], options: Options) -> int:
    """Count the steps: vectors, candidates, folds, the fit before the test, live ones, evidence, last fit, bundle."""
    tuned = len({candidate.name for candidate in candidates}) if options.tune_minutes else 0
    by_time, stratified = len(CUT_OFFS) + 1, 2
    own, other = (by_time, stratified) if options.split == SplitKind.TIME else (stratified, by_time)
    # With the rolling scores and the learning curve.
    backtests = other + STEP_COUNT + 2 if options.backtest else 0
    return 1 + tuned + len(candidates) + own + LIVE_STEPS * options.live + 3 + backtests


def _backtest(
    training: Training, own: Experiment, other: Experiment, evaluated: EvaluatedModel, steps: _Steps
) -> Training:
    """Add what says how far the scores can be relied on: other periods, the other split, and the ablation."""
    opposite = evaluate_model(other, evaluated.fitted.candidate, steps.begin, (MAIN,))
    steps.begin("score one cut-off after another")
    rolling = rolling_scores(own, evaluated) or rolling_scores(other, opposite)
    own_is_stratified = own.split.kind is SplitKind.STRATIFIED
    mixed, on_mixed = (own, evaluated) if own_is_stratified else (other, opposite)
    scores = {own.split.kind.value: evaluated.scores, other.split.kind.value: opposite.scores}
    return msgspec.structs.replace(
        training,
        by_split={
            kind.value: scores[kind.value][MAIN.name] for kind in (SplitKind.TIME, SplitKind.STRATIFIED)
        },
        rolling=rolling,
        ablation=ablate(mixed, on_mixed, steps.begin),
        learning=learning_curve(own, evaluated.fitted.candidate, training.winner, steps.begin),
        backtests="done",
    )


def _describe(table: FlightTable, dataset: Dataset, omitted: tuple[Omission, ...]) -> TableRecord:
    scheduled = dataset.flights["scheduled_departure"]
    return TableRecord(
        source=table.source,
        digest=table.digest,
        rows=table.rows,
        flights=dataset.flights.height,
        late_rate=float(dataset.late.mean()),
        late_rule=table.late_rule.value,
        first=scheduled[0],
        last=scheduled[-1],
        omitted=omitted,
        notes=table.notes,
        target=target_of(dataset.flights).value,
    )


def _describe_seen(experiment: Experiment) -> SeenRows:
    """Say how many flights the deployed model is fitted on, of how many."""
    split = experiment.split
    every = np.arange(len(experiment.dataset.flights)) if experiment.by_time else split.before_test
    return SeenRows(
        most=experiment.most_rows,
        fitted=len(experiment.seen(every)),
        of=len(every),
        compared=len(experiment.seen(split.train)),
    )


def _publish(training: Training, bundle: Bundle, final: FittedModel, stored: Registry) -> Training:
    """Write the bundle with its card, as text and as data, into the registry; give the record with its version."""
    manifest = msgspec.structs.replace(bundle.manifest, card=training.card_record())
    bundle = replace(bundle, manifest=manifest, card=model_card(training))
    estimator = CalibratedEstimator(final.experts, final.calibration)
    notebooks = {
        "estimator": estimator,
        "columns": list(bundle.manifest.columns),
        "version": bundle.version,
    }
    return msgspec.structs.replace(training, version=stored.publish(bundle, pickle.dumps(notebooks)))


def _report(training: Training, reports: Path | None) -> None:
    """Write the report, and the card with what was measured after the bundle was published."""
    if reports is None:
        return
    with translate_os_errors(str(reports / training.version)):
        write_report(training, reports / f"{training.version}.html")
        (reports / f"{training.version}.md").write_text(model_card(training), encoding="utf-8")
