"""The live experts: learnt from flights at cut-offs of the day, one for all horizons or one for each range of them.

Which of the two, and for which ranges at all, is chosen on validation: a finer state answers only where it knows more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import log_losses
from puntual.evaluation.splits import Rows
from puntual.features.states import LIVE_STATES, State, withhold
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import Scaling, softmax
from puntual.training.calibration_fit import HoldoutPredictions, fit_scaling
from puntual.training.candidates import LARGE, Candidate, Treatment, fit
from puntual.training.dataset import TrainingVectors
from puntual.training.experiment import Experiment
from puntual.training.fitting import Expert, Experts, FittedModel, fit_on
from puntual.training.live_vectors import hide_tails

# Of a larger table so many flights are drawn, each at one cut-off of a range.
MOST_FLIGHTS = 100_000
# Fewer do to choose.
_MOST_PLANNED, _MOST_VALIDATED = 50_000, 20_000
_PROVEN = 500
_ALL_CUT_OFFS = tuple(minutes for state in LIVE_STATES for minutes in state.cut_offs)


# Of each live state its scaling, and the losses of validation flights at each of its cut-offs.
Validated = Mapping[str, tuple[Scaling, dict[int, NDArray[np.float64]]]]


@dataclass(frozen=True, slots=True)
class LivePlan:
    """What validation chose: the live states that answer, with their scalings, and whether all share an expert.

    `losses` holds the log loss of validation flights by horizon in minutes, and at 0 that of the day before.
    """

    scalings: Mapping[str, Scaling]
    pooled: bool
    losses: Mapping[int, float]


def plan_live(experiment: Experiment, candidate: Candidate) -> LivePlan:
    """Fit live experts on the training flights both ways, and choose by log loss on validation.

    `candidate` is the winner of the comparison, whose answers of the day before a live state has to better, each in
    its turn.
    """
    train = experiment.split.train
    validation = _draw(experiment, experiment.split.validation, _MOST_VALIDATED)
    dataset, vectors = experiment.dataset, experiment.vectors(train)
    waiting = {minutes: dataset.live.is_waiting(validation, minutes) for minutes in _ALL_CUT_OFFS}
    shown = {minutes: vectors.live(validation, minutes) for minutes in _ALL_CUT_OFFS}
    before = fit_on(experiment, candidate, train)
    before = before.calibrated([before.predict_holdout(experiment.split.validation)])
    full, truth = vectors.full(validation), dataset.bands[validation]
    daily, level = log_losses(before.predict(full), truth), before.calibration.level.of(full)
    present = np.logical_and.reduce(list(waiting.values()))

    def validated(*, pooled: bool) -> Validated:
        drawn = _draw(experiment, train, _MOST_PLANNED)
        experts = fit_live(experiment, vectors, drawn, LIVE_STATES, pooled=pooled)
        return {
            state.name: _validate(state, experts[state.name], shown, waiting, truth, level)
            for state in LIVE_STATES
        }

    ways = {pooled: validated(pooled=pooled) for pooled in (True, False)}
    pooled = min(ways, key=lambda way: sum(loss for _, loss in _means(ways[way], present)))
    return keep_better(ways[pooled], pooled, float(daily[present].mean()), present)


def add_live(experiment: Experiment, model: FittedModel, rows: Rows, plan: LivePlan) -> FittedModel:
    """Give a model the live experts that the plan names, fitted on some flights, and their scalings."""
    states = [state for state in LIVE_STATES if state.name in plan.scalings]
    if not states:
        return model
    experts = fit_live(experiment, model.vectors, rows, states, pooled=plan.pooled)
    scalings = {**model.calibration.scalings, **plan.scalings}
    return replace(
        model,
        experts=Experts({**model.experts.of, **experts}),
        calibration=replace(model.calibration, scalings=scalings),
    )


def fit_live(
    experiment: Experiment,
    vectors: TrainingVectors,
    rows: Rows,
    states: list[State] | tuple[State, ...],
    *,
    pooled: bool,
) -> dict[str, Expert]:
    """Fit one expert on all cut-offs for these states, or one for each on its own; by the names of the states."""
    rows = _draw(experiment, rows, MOST_FLIGHTS)
    if pooled:
        expert = _fit_at(experiment, vectors, rows, _ALL_CUT_OFFS)
        return {state.name: expert for state in states}
    return {state.name: _fit_at(experiment, vectors, rows, state.cut_offs) for state in states}


def live_candidate(rows: int) -> Candidate:
    """Give the candidate that live experts are, whatever won the comparison: trees, which take what is missing."""
    small: dict[str, int | float] = {"num_leaves": 15, "learning_rate": 0.04, "n_estimators": 120}
    return Candidate("lightgbm", Treatment.NONE, small if rows < LARGE / 2 else {"n_estimators": 120})


def live_proof(model: FittedModel) -> Matrix:
    """Draw real flights at every cut-off that the model has a live expert for, to prove it; shape (n, all columns)."""
    flights = len(model.vectors.dataset.flights)
    rows = np.linspace(0, flights - 1, min(flights, _PROVEN)).astype(np.intp)
    matrix = np.concatenate([model.vectors.live(rows, minutes) for minutes in _ALL_CUT_OFFS])
    return withhold(matrix, model.experts.of)


def _fit_at(
    experiment: Experiment, vectors: TrainingVectors, rows: Rows, cut_offs: tuple[int, ...]
) -> Expert:
    """Fit an expert on flights, each at one of some cut-offs, without those that were gone by then."""
    chance = np.random.default_rng(experiment.seed + sum(cut_offs))
    dataset = experiment.dataset
    horizon = chance.choice(cut_offs, len(rows))
    waiting = dataset.live.is_waiting(rows, horizon)
    rows, horizon = rows[waiting], horizon[waiting]
    bands = dataset.bands[rows]
    hidden = hide_tails(dataset.live.operations.tail[rows], bands, chance)
    matrix = vectors.live(rows, horizon, hidden)
    # What nothing is known of in any flight there is nothing to learn from.
    columns = np.array(
        [column for column in experiment.live_columns() if not np.isnan(matrix[:, column]).all()]
    )
    return Expert(fit(live_candidate(len(rows)), matrix, columns, bands, experiment.seed), columns)


def _validate(
    state: State,
    expert: Expert,
    shown: Mapping[int, Matrix],
    waiting: Mapping[int, NDArray[np.bool_]],
    truth: NDArray[np.int8],
    level: NDArray[np.float64],
) -> tuple[Scaling, dict[int, NDArray[np.float64]]]:
    """Fit a state's scaling on validation flights; give the losses of all of them at each of its cut-offs."""
    raw = {minutes: expert.predict_proba(shown[minutes]) for minutes in state.cut_offs}
    shares = np.bincount(truth, minlength=BAND_COUNT) / len(truth)
    prior = Scaling(center=tuple(np.log(np.maximum(shares, 1e-6)).tolist()))
    raw_bands = np.concatenate([raw[minutes][waiting[minutes]] for minutes in state.cut_offs])
    bands = np.concatenate([truth[waiting[minutes]] for minutes in state.cut_offs])
    levels = np.concatenate([level[waiting[minutes]] for minutes in state.cut_offs])
    none = np.empty((len(raw_bands), 0), np.float32)
    block = HoldoutPredictions(np.arange(len(raw_bands)), raw_bands, none, bands, levels, prior)
    # The airport's level as an offset wins when the level moves and loses when it does not, so it is half followed.
    scaling = _mean(fit_scaling([block]), fit_scaling([replace(block, level=np.zeros(len(raw_bands)))]))
    losses = {
        minutes: log_losses(softmax(scaling.logits(bands, level)), truth) for minutes, bands in raw.items()
    }
    return scaling, losses


def _mean(following: Scaling, alone: Scaling) -> Scaling:
    """Average the logits of a scaling that follows the level and of one that does not."""
    pairs = zip(following.intercepts, alone.intercepts, strict=True)
    return replace(
        following,
        slope=(following.slope + alone.slope) / 2,
        intercepts=tuple((first + second) / 2 for first, second in pairs),
        follow=following.follow / 2,
    )


def _means(validated: Validated, present: NDArray[np.bool_]) -> Iterator[tuple[int, float]]:
    for _, losses in validated.values():
        for minutes, loss in losses.items():
            yield minutes, float(loss[present].mean())


def keep_better(validated: Validated, pooled: bool, daily: float, present: NDArray[np.bool_]) -> LivePlan:
    """Keep the live states, farthest first, whose loss at each cut-off is no higher than at the one before it.

    From a range that is not kept on, the nearer ones have to better what answers there.
    """
    losses, scalings, best = {0: daily}, {}, daily
    for name, (scaling, at) in reversed(list(validated.items())):
        means = [float(at[minutes][present].mean()) for minutes in sorted(at, reverse=True)]
        falls = all(then <= before for before, then in zip([best, *means], means, strict=False))
        if falls:
            scalings[name], best = scaling, means[-1]
            losses |= dict(zip(sorted(at, reverse=True), means, strict=True))
    return LivePlan(scalings, pooled, losses)


def _draw(experiment: Experiment, rows: Rows, most: int) -> Rows:
    if len(rows) <= most:
        return rows
    chance = np.random.default_rng(experiment.seed)
    return np.sort(chance.choice(rows, most, replace=False))
