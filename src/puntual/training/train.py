"""A table of flights in; compared candidates, a proven bundle in a registry and a record of it all out."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from puntual.errors import NotEnoughFlightsError
from puntual.evaluation import Evaluation, curves, gate, parse_cost
from puntual.evaluation.splits import Split, SplitKind, split_by_time, split_stratified
from puntual.flights.flight import BANDS
from puntual.flights.schema import has_operation
from puntual.registry import Registry
from puntual.reporting.html_report import write_report
from puntual.reporting.model_card import model_card
from puntual.reporting.training_result import Compared, Omission, TableRecord, Training
from puntual.sources import FlightTable
from puntual.training.ablation import STEP_COUNT, ablate
from puntual.training.backtesting import CUT_OFFS, Assessed, assess, retrain
from puntual.training.bundling import Packed, pack, split_info
from puntual.training.candidates import Candidate, parse_candidates
from puntual.training.dataset import STATES, Dataset
from puntual.training.gate_evidence import gather_evidence
from puntual.training.late_rates import rates_of
from puntual.training.selection import Contest, compare
from puntual.training.tuning import tune

Progress = Callable[[str, int, int], object]
PRESETS = {"standard": None, "quick": "logistic:none,lightgbm:none,neural:none"}
_FEWEST_OF_A_BAND = 20
_YEAR_OF_DAYS = 360


@dataclass(frozen=True, slots=True)
class Options:
    """How to train: which flights, split and candidates, for how long to search, and at what cost to label.

    `start` and `until` (exclusive) bound the scheduled departures. `candidates` such as `lightgbm,logistic:none`
    take the place of the preset's; `cost` is `f1` or such as `miss=5,false_alarm=1`.
    """

    preset: str = "standard"
    candidates: str | None = None
    split: str = "time"
    start: datetime | None = None
    until: datetime | None = None
    tune_minutes: float = 0.0
    cost: str = "f1"
    seed: int = 0


def train(
    table: FlightTable,
    *,
    registry: str = "models",
    now: datetime,
    options: Options | None = None,
    reports: Path | None = None,
    progress: Progress | None = None,
) -> Training:
    """Train, compare, choose, test and publish; give the record of what was found.

    The bundle is written to `registry` and promoted by nobody; `reports` is the folder for its report (HTML) and
    its card (Markdown). `now`, which carries a time zone, is when the bundle says it was made. `progress` is told
    of each step done, the steps done so far and those in all. Raise NotEnoughFlightsError for too small a table.
    """
    options = options or Options()
    candidates = parse_candidates(options.candidates or PRESETS[options.preset])
    steps = _Steps(progress, _count(candidates, options))
    dataset, omitted = learnable(table, options)
    by_time, mixed = contests(dataset, options)
    own, other = (by_time, mixed) if options.split == SplitKind.TIME else (mixed, by_time)
    steps.done("vectors")
    candidates = (
        tune(own, candidates, options.tune_minutes, steps.done) if options.tune_minutes else candidates
    )
    comparison = compare(own, candidates, steps.done)
    winner = next(entry for entry in comparison if entry.chosen)
    assessed = _assess(own, winner, steps, STATES)
    opposite = _assess(other, winner, steps, STATES[:1])
    stratified = assessed if own.split.kind is SplitKind.STRATIFIED else opposite
    ablation = ablate(mixed, stratified, steps.done)
    stored = Registry(registry)
    evidence = gather_evidence(own, assessed, table, stored)
    final, final_calibration = (
        retrain(own, assessed) if own is by_time else (assessed.trained, assessed.calibration)
    )
    steps.done("all flights")
    packed = pack(own, assessed, final, final_calibration, comparison, evidence, table, options, now)
    training = Training(
        created=now,
        puntual=metadata.version("puntual"),
        version="",
        preset=options.preset,
        tuned_minutes=options.tune_minutes,
        table=_describe(table, dataset, omitted),
        split=split_info(own),
        comparison=comparison,
        scores=assessed.scores,
        by_split=_by_split(own, assessed, opposite),
        rolling=assessed.rolling or opposite.rolling,
        ablation=ablation,
        curves=curves(own.dataset.outcomes(own.split.test), assessed.predicted),
        rates=rates_of(dataset.flights, dataset.late),
        threshold=assessed.threshold,
        threshold_rule=options.cost,
        feature_auc=evidence.feature_auc,
        agreement=packed.manifest.agreement,
        findings=tuple(gate.check(evidence, stored.champion())),
    )
    return _publish(training, packed, stored, reports, steps)


class _Steps:
    """Tells a listener of each step done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._count = progress, total, 0

    def done(self, what: str) -> None:
        self._count += 1
        if self._progress is not None:
            self._progress(what, min(self._count, self._total), self._total)


def _count(candidates: tuple[Candidate, ...], options: Options) -> int:
    """Count the steps: vectors, candidates, two assessments, ablation, the last training and the bundle."""
    tuned = len({candidate.name for candidate in candidates}) if options.tune_minutes else 0
    return 1 + tuned + len(candidates) + (len(CUT_OFFS) + 1) + 2 + STEP_COUNT + 2


def learnable(table: FlightTable, options: Options) -> tuple[Dataset, tuple[Omission, ...]]:
    """Keep the operated flights of the period, and count the others by reason."""
    scheduled = pl.col("scheduled_departure")
    bounds = [
        ("before --from", scheduled < options.start if options.start else pl.lit(False)),
        ("at --until or later", scheduled >= options.until if options.until else pl.lit(False)),
    ]
    omitted = [
        Omission(reason=gone.reason, count=gone.count, example=gone.example) for gone in table.left_out
    ]
    flights = table.flights
    for reason, outside in bounds:
        flights, gone = flights.filter(~outside), flights.filter(outside)
        omitted += _omission(reason, gone)
    operated = has_operation(flights)
    omitted += _omission("no departure and no cancellation recorded", flights.filter(~operated))
    dataset = Dataset(flights.filter(operated), table.late_rule, np.empty(0, np.intp), options.seed)
    _require_bands(dataset)
    return dataset, tuple(omitted)


def _omission(reason: str, gone: pl.DataFrame) -> list[Omission]:
    if gone.is_empty():
        return []
    first = gone.row(0, named=True)
    example = "{airline} {flight_number} {origin}-{destination} {scheduled_departure:%Y-%m-%d %H:%M}".format(
        **first
    )
    return [Omission(reason=reason, count=gone.height, example=example)]


def _require_bands(dataset: Dataset) -> None:
    counts = np.bincount(dataset.bands, minlength=len(BANDS))
    for band, count in zip(BANDS, counts, strict=True):
        if count < _FEWEST_OF_A_BAND:
            raise NotEnoughFlightsError(
                f"the delay band {band!r} holds {count} of {len(dataset.bands)} operated flights; expected at least "
                f"{_FEWEST_OF_A_BAND} in each band to learn from; give a longer period or a larger table"
            )


def contests(dataset: Dataset, options: Options) -> tuple[Contest, Contest]:
    """Set up the grounds on which candidates meet: the split by time, and the stratified one."""
    by_time = split_by_time(dataset.flights["scheduled_departure"])
    mixed = split_stratified(dataset.bands, options.seed)
    # Codes and the typical week are learnt from what stands before the test of the split by time.
    dataset = Dataset(dataset.flights, dataset.rule, by_time.before_test, options.seed)
    cost = parse_cost(options.cost)
    days = dataset.keys.day[by_time.before_test]
    years = int(days[-1] - days[0]) // _YEAR_OF_DAYS

    def contest(split: Split) -> Contest:
        return Contest(dataset, split, cost, years, options.seed)

    return contest(by_time), contest(mixed)


def _assess(contest: Contest, winner: Compared, steps: _Steps, states: tuple[str, ...]) -> Assessed:
    treatment = parse_candidates(f"{winner.name}:{winner.treatment}")[0].treatment
    recipe = contest.recipe(Candidate(winner.name, treatment, winner.parameters))
    return assess(contest, recipe, steps.done, states)


def _by_split(own: Contest, assessed: Assessed, opposite: Assessed) -> dict[str, Evaluation]:
    kinds = SplitKind.TIME, SplitKind.STRATIFIED
    return {kind.value: (assessed if own.split.kind is kind else opposite).scores["full"] for kind in kinds}


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
    )


def _publish(
    training: Training, packed: Packed, stored: Registry, reports: Path | None, steps: _Steps
) -> Training:
    """Write the bundle with its card, then the report that names it."""
    card = model_card(training)
    bundle = packed.bundle(card)
    estimator = {
        "estimator": packed.estimator,
        "columns": list(packed.manifest.columns),
        "version": bundle.version,
    }
    version = stored.publish(bundle, pickle.dumps(estimator))
    training = msgspec.structs.replace(training, version=version)
    if reports is not None:
        write_report(training, reports / f"{version}.html")
        (reports / f"{version}.md").write_text(card, encoding="utf-8")
    steps.done("bundle")
    return training
