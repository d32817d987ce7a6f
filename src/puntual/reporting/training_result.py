"""The result of a training, from the rows left out to the gate: the material of report, card and terminal."""

from datetime import datetime
from typing import Literal

import msgspec

from puntual.evaluation import Curves, Evaluation, Measure
from puntual.evaluation.gate import Finding
from puntual.registry import Agreement, SplitInfo
from puntual.registry.card_record import CardRecord, HorizonScore, TableRecord


class CandidateResult(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate under one treatment, scored on validation after calibration there.

    `scores` are those with timetable and history; `log_loss` is averaged over the conditions of knowledge, by
    which candidates are chosen. `gap_to_best` is that loss less the lowest one, with a paired day-block bootstrap
    interval; `tied` says that the interval ends within the margin of what counts as equal. `branches` are those
    that one flight passes at the most; sizes are bytes of ONNX, times are seconds to fit and microseconds a flight.
    """

    name: str
    treatment: str
    scores: Evaluation
    log_loss: float
    gap_to_best: Measure
    tied: bool
    chosen: bool
    fit_seconds: float
    branches: int
    onnx_bytes: int
    microseconds: float
    largest_difference: float
    parameters: dict[str, float | int | str]


class RollingScore(msgspec.Struct, frozen=True, kw_only=True):
    """The winner's recipe, trained before one cut-off and scored on the flights from it to the next."""

    cut_off: datetime
    until: datetime
    scores: Evaluation


class AblationStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step from the notebook's model to this one, all on the same stratified test flights."""

    step: str
    features: int
    roc_auc: float
    average_precision: float
    precision: float | None
    recall: float | None
    f1: float | None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Flights and late rate of one hour, airline, destination or month."""

    name: str
    flights: int
    late_rate: float


class SeenRows(msgspec.Struct, frozen=True, kw_only=True):
    """How many flights fitting saw: at most so many; the deployed model, of how many; and each candidate compared."""

    most: int
    fitted: int
    of: int
    compared: int

    @property
    def is_sample(self) -> bool:
        """Whether there were more than it saw."""
        return self.fitted < self.of


class LearningPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The winner fitted on so many flights, and its scores on validation."""

    rows: int
    scores: Evaluation


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one training measured.

    `scores` holds the test scores of the winner in the conditions of `features/states.py`: "history",
    "timetable", "typical_timetable". `by_split` holds test scores with history under "time" and "stratified".
    `rates` holds, for "hour", "airline", "destination" and "month", the rates seen in the whole table. `command` is
    the one that was run, empty where there was none. `horizons` are test scores as the day unfolds, farthest first.
    `learning` holds validation scores by how many flights were fitted, fewest first, and all that fitting saw last.
    `mixtures` holds, by state of knowledge, the experts that answer in it and the share of each, where that is not the
    one expert of its name.
    """

    created: datetime
    puntual: str
    version: str
    command: str = ""
    preset: str
    tuned_minutes: float
    table: TableRecord
    split: SplitInfo
    seen: SeenRows | None = None
    comparison: tuple[CandidateResult, ...]
    scores: dict[str, Evaluation]
    horizons: tuple[HorizonScore, ...] = ()
    mixtures: dict[str, dict[str, float]] = {}
    by_split: dict[str, Evaluation]
    rolling: tuple[RollingScore, ...]
    ablation: tuple[AblationStep, ...]
    learning: tuple[LearningPoint, ...] = ()
    backtests: Literal["done", "following", "left out"] = "done"
    curves: Curves
    rates: dict[str, tuple[Rate, ...]]
    threshold: float
    threshold_rule: str
    feature_auc: dict[str, float]
    agreement: Agreement
    findings: tuple[Finding, ...]

    @property
    def winner(self) -> CandidateResult:
        """The candidate that was chosen."""
        return next(candidate for candidate in self.comparison if candidate.chosen)

    def card_record(self) -> CardRecord:
        """Give what the card tells beyond the manifest, as data."""
        return CardRecord(
            table=self.table,
            reliability=tuple(self.curves.reliability),
            horizons=self.horizons,
            findings=self.findings,
            command=self.command,
        )
