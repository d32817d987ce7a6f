"""The live experts: learnt from flights at cut-offs of the day, one for all horizons and one for each range of them.

Which of them answer in which range, and with what share, `live_plan` chooses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows
from puntual.features.states import LIVE_STATES, withhold
from puntual.features.vector import Matrix
from puntual.prediction.calibration import Scaling
from puntual.prediction.experts import POOLED_EXPERT, Mixture
from puntual.training.candidates import LARGE, Candidate, Treatment, fit
from puntual.training.dataset import TrainingVectors
from puntual.training.experiment import Experiment
from puntual.training.fitting import Expert, Experts, FittedModel
from puntual.training.live_vectors import hide_tails
from puntual.training.side_by_side import side_by_side

# An expert learns from so many flights at most, each at one cut-off: further cut-offs of a flight have its outcome too,
# and trees then come to know the day.
MOST_FLIGHTS, MOST_FLIGHTS_QUICKLY = 200_000, 60_000
CUT_OFFS = tuple(minutes for state in LIVE_STATES for minutes in state.cut_offs)
EXPERT_CUT_OFFS = {**{state.name: state.cut_offs for state in LIVE_STATES}, POOLED_EXPERT: CUT_OFFS}
_PROVEN = 500


@dataclass(frozen=True, slots=True)
class LivePlan:
    """What was chosen: the live states that answer, with their scalings, and which experts answer in each together.

    `losses` holds the log loss of the folds' flights by horizon in minutes, and at 0 that of the day before. Experts
    that `learn_level` read the airport's level too.
    """

    scalings: Mapping[str, Scaling]
    mixtures: Mapping[str, Mixture]
    learn_level: bool
    losses: Mapping[int, float]


def add_live(experiment: Experiment, model: FittedModel, rows: Rows, plan: LivePlan) -> FittedModel:
    """Give a model the live experts that the plan names, fitted on some flights, and their scalings."""
    experts = fit_live(
        experiment, model.vectors, rows, members_of(plan.mixtures.values()), learn_level=plan.learn_level
    )
    together = {state: mixture for state, mixture in plan.mixtures.items() if set(mixture) != {state}}
    scalings = {**model.calibration.scalings, **plan.scalings}
    return replace(
        model,
        experts=Experts({**model.experts.of, **experts}, {**model.experts.mixtures, **together}),
        calibration=replace(model.calibration, scalings=scalings),
    )


def members_of(mixtures: Iterable[Mixture]) -> tuple[str, ...]:
    """Name the live experts in some mixtures, in the order of `EXPERT_CUT_OFFS`."""
    named = {name for mixture in mixtures for name in mixture}
    return tuple(name for name in EXPERT_CUT_OFFS if name in named)


def fit_live(
    experiment: Experiment, vectors: TrainingVectors, rows: Rows, names: Iterable[str], *, learn_level: bool
) -> dict[str, Expert]:
    """Fit live experts by name on some flights, each at the cut-offs that `EXPERT_CUT_OFFS` has for it."""
    columns = experiment.live_columns(learns_level=learn_level)
    rows = draw(experiment, experiment.seen(rows), MOST_FLIGHTS_QUICKLY if experiment.quick else MOST_FLIGHTS)
    names = tuple(names)

    def fit_expert(name: str) -> Expert:
        return _fit_at(experiment, vectors, rows, columns, EXPERT_CUT_OFFS[name])

    return dict(zip(names, side_by_side(fit_expert, names), strict=True))


def live_candidate(flights: int) -> Candidate:
    """Give the candidate that live experts are, whatever won the comparison: trees, which take what is missing."""
    size = {"num_leaves": 15, "learning_rate": 0.04} if flights < LARGE / 2 else {"learning_rate": 0.1}
    # A tree sees a fifth of so many columns, of which much says the same.
    return Candidate("lightgbm", Treatment.NONE, size | {"n_estimators": 120, "colsample_bytree": 0.2})


def live_proof(model: FittedModel) -> Matrix:
    """Draw real flights at every cut-off that the model has a live expert for, to prove it; shape (n, all columns)."""
    flights = len(model.vectors.dataset.flights)
    rows = np.linspace(0, flights - 1, min(flights, _PROVEN)).astype(np.intp)
    matrix = np.concatenate([model.vectors.live(rows, minutes) for minutes in CUT_OFFS])
    return withhold(matrix, model.experts.live_states)


def _fit_at(
    experiment: Experiment,
    vectors: TrainingVectors,
    rows: Rows,
    columns: NDArray[np.intp],
    cut_offs: tuple[int, ...],
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
    columns = columns[~np.isnan(matrix[:, columns]).all(axis=0)]
    return Expert(fit(live_candidate(len(rows)), matrix, columns, bands, experiment.seed), columns)


def draw(experiment: Experiment, rows: Rows, most: int) -> Rows:
    """Draw so many of some rows, in order; all where there are no more."""
    if len(rows) <= most:
        return rows
    chance = np.random.default_rng(experiment.seed)
    return np.sort(chance.choice(rows, most, replace=False))
