"""Fit every candidate on the same flights, score it on the same others, and choose."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from puntual.evaluation import (
    Cost,
    Evaluation,
    Measure,
    Predicted,
    best_threshold,
    log_losses,
    paired_difference,
    score,
)
from puntual.evaluation.splits import Rows, Split
from puntual.features.vector import Matrix
from puntual.prediction.distribution import DelayShape, learn_shape
from puntual.reporting.training_result import Compared
from puntual.training.calibration_fit import fit_calibration
from puntual.training.candidates import Candidate
from puntual.training.dataset import STATES, Dataset
from puntual.training.fitting import Recipe, Teaching, Trained, teach, train_recipe, validation_of
from puntual.training.onnx_export import convert, prove, trees_of

PROVEN_ROWS = 4_000
# The share of the lowest log loss that a cheaper model may be worse by.
MARGIN = 0.005
_ROUNDS = 100


@dataclass(frozen=True)
class Contest:
    """The ground on which candidates meet: flights, split, delay shape and the cost that sets thresholds."""

    dataset: Dataset
    split: Split
    cost: Cost | Literal["f1"]
    years: int
    seed: int

    def recipe(self, candidate: Candidate) -> Recipe:
        """Give a candidate's recipe under this split."""
        return Recipe(candidate, self.split.kind, self.years, self.seed)

    def shape(self) -> DelayShape:
        """Learn how delays lie within the bands from the flights before the test."""
        rows = self.split.before_test
        return learn_shape(self.dataset.delay[rows], self.dataset.bands[rows])


@dataclass(frozen=True)
class Entry:
    """One candidate's result, with its losses flight by flight."""

    candidate: Candidate
    losses: NDArray[np.float64]
    compared: Compared


def compare(
    contest: Contest, candidates: Sequence[Candidate], progress: Callable[[str], object]
) -> tuple[Compared, ...]:
    """Fit, calibrate, convert, prove and score each candidate; mark ties and the chosen one."""
    teaching = teach(contest.dataset, contest.split.train)
    proof = sample_for_proof(contest.dataset, contest.split.validation)
    entries = []
    for candidate in candidates:
        entries.append(_enter(contest, candidate, teaching, proof))
        progress(str(candidate))
    return _choose(entries, contest.dataset.keys.day[contest.split.validation])


def sample_for_proof(dataset: Dataset, rows: Rows) -> Matrix:
    """Draw thousands of real vectors, a third in each state of knowledge, rows with missing values among them."""
    chance = np.random.default_rng(0)
    drawn = np.sort(chance.choice(rows, min(len(rows), PROVEN_ROWS), replace=False))
    return np.concatenate(
        [dataset.state(name, drawn) for name in ("full", "without_history", "typical_without_history")]
    )


def _enter(contest: Contest, candidate: Candidate, teaching: Teaching, proof: Matrix) -> Entry:
    rows = contest.split.validation
    started = time.perf_counter()
    trained = train_recipe(contest.recipe(candidate), teaching)
    seconds = time.perf_counter() - started
    model = convert(trained.experts)
    difference = prove(trained.experts, model, proof, str(candidate))
    bands = _calibrated_on_validation(contest, trained)
    truth = contest.dataset.bands[rows]
    losses = np.mean([log_losses(found, truth) for found in bands.values()], axis=0)
    compared = Compared(
        name=candidate.name,
        treatment=candidate.treatment,
        scores=_scores(contest, bands["full"]),
        log_loss=float(losses.mean()),
        behind=Measure(0.0, 0.0, 0.0),
        tied=False,
        chosen=False,
        fit_seconds=seconds,
        trees=trees_of(model),
        onnx_bytes=len(model),
        microseconds=_microseconds(model, proof),
        largest_difference=difference,
        parameters=dict(candidate.parameters),
    )
    return Entry(candidate, losses, compared)


def _calibrated_on_validation(contest: Contest, trained: Trained) -> dict[str, NDArray[np.float64]]:
    rows = contest.split.validation
    matrix, bands = validation_of(contest.dataset, rows)
    calibration = fit_calibration([trained.unseen(matrix, bands)], trained.level)
    return {state: trained.calibrated(calibration, contest.dataset.state(state, rows)) for state in STATES}


def _scores(contest: Contest, bands: NDArray[np.float64]) -> Evaluation:
    outcomes = contest.dataset.outcomes(contest.split.validation)
    predicted = Predicted(bands, contest.shape().quantile_minutes(bands))
    threshold = best_threshold(outcomes.late, predicted.p_late, contest.cost)
    return score(outcomes, predicted, threshold, rounds=_ROUNDS)


def _microseconds(model: bytes, matrix: Matrix) -> float:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    session.run(None, {"vector": matrix})
    started = time.perf_counter()
    session.run(None, {"vector": matrix})
    return (time.perf_counter() - started) / len(matrix) * 1e6


def _choose(entries: Sequence[Entry], day: NDArray[np.int64]) -> tuple[Compared, ...]:
    """Mark what is shown to be as good as the lowest log loss, and choose the cheapest of it to serve.

    A candidate is as good when the whole interval of its distance stays within the margin (a test of
    non-inferiority): that a difference could not be shown, on few days, does not show that there is none.
    The loss of a flight is the mean over the three states of knowledge, since the service will meet all of them.
    Cheapness is the number of trees that each flight walks through, which goes with the time of an answer but not
    with the load of the machine; of two as cheap, the one with the lower loss is chosen.
    """
    best = min(entries, key=lambda entry: entry.losses.mean())
    behind = [paired_difference(entry.losses, best.losses, day.astype(np.int32)) for entry in entries]
    margin = MARGIN * float(best.losses.mean())
    tied = [entry is best or measure.high <= margin for entry, measure in zip(entries, behind, strict=True)]
    within = [entry for entry, is_tied in zip(entries, tied, strict=True) if is_tied]
    chosen = min(within, key=lambda entry: (entry.compared.trees, entry.compared.log_loss))
    return tuple(
        msgspec.structs.replace(entry.compared, behind=measure, tied=is_tied, chosen=entry is chosen)
        for entry, measure, is_tied in zip(entries, behind, tied, strict=True)
    )
