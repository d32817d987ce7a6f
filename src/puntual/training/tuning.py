"""Searching better parameters with Optuna, for as many minutes as are given."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna

from puntual.evaluation import log_losses
from puntual.evaluation.splits import Rows
from puntual.training.candidates import Candidate, preset
from puntual.training.experiment import Experiment
from puntual.training.fitting import fit_on

# Each trial is taught on ever more of the training flights; one that trails early is pruned.
_RUNGS = (0.15, 0.4, 1.0)
Space = Callable[[optuna.Trial], dict[str, Any]]


def tune(
    experiment: Experiment, candidates: Sequence[Candidate], minutes: float, begin: Callable[[str], object]
) -> tuple[Candidate, ...]:
    """Search the parameters of each model by log loss on validation, sharing the minutes among the models.

    The best of a model holds under each of its treatments; the search starts from the preset
    that is used for as many flights.
    """
    names = list(dict.fromkeys(candidate.name for candidate in candidates))
    best = {}
    for name in names:
        first = next(candidate for candidate in candidates if candidate.name == name)
        begin(f"tune {name}")
        best[name] = _search(experiment, first, 60 * minutes / len(names))
    return tuple(replace(candidate, parameters=best[candidate.name]) for candidate in candidates)


def _search(experiment: Experiment, candidate: Candidate, seconds: float) -> dict[str, Any]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=experiment.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
    )
    study.enqueue_trial(preset(candidate.name, len(experiment.split.train)))
    study.optimize(lambda trial: _loss(experiment, candidate, trial), timeout=seconds)
    return dict(study.best_params)


def _loss(experiment: Experiment, candidate: Candidate, trial: optuna.Trial) -> float:
    candidate = replace(candidate, parameters=SPACES[candidate.name](trial))
    loss = np.inf
    for rung, share in enumerate(_RUNGS):
        # The latest flights are the ones most like validation.
        loss = _validation_loss(
            experiment, candidate, experiment.split.train[-int(share * len(experiment.split.train)) :]
        )
        trial.report(loss, rung)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(loss)


def _validation_loss(experiment: Experiment, candidate: Candidate, rows: Rows) -> float:
    fitted = fit_on(experiment, candidate, rows)
    validation = experiment.split.validation
    calibrated = fitted.calibrated([fitted.predict_holdout(validation)])
    bands = calibrated.predict(fitted.vectors.full(validation))
    return float(log_losses(bands, experiment.dataset.bands[validation]).mean())


def _boosting(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "n_estimators": trial.suggest_int("n_estimators", 40, 200, step=20),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.2, 0.8),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 100.0, log=True),
    }


def _lightgbm(trial: optuna.Trial) -> dict[str, Any]:
    return _boosting(trial) | {
        "num_leaves": trial.suggest_int("num_leaves", 7, 63),
        "min_child_samples": trial.suggest_int("min_child_samples", 20, 400, log=True),
    }


def _xgboost(trial: optuna.Trial) -> dict[str, Any]:
    return _boosting(trial) | {
        "max_depth": trial.suggest_int("max_depth", 3, 7),
        "min_child_weight": trial.suggest_float("min_child_weight", 1.0, 200.0, log=True),
    }


def _forest(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 5, 100, log=True),
        "max_depth": trial.suggest_int("max_depth", 6, 16),
        "max_features": trial.suggest_float("max_features", 0.05, 0.6),
    }


def _logistic(trial: optuna.Trial) -> dict[str, Any]:
    return {"C": trial.suggest_float("C", 1e-4, 10.0, log=True)}


def _neural(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "width": trial.suggest_int("width", 16, 64, step=16),
        "max_iter": trial.suggest_int("max_iter", 3, 16),
        "alpha": trial.suggest_float("alpha", 1e-4, 1.0, log=True),
        "learning_rate_init": trial.suggest_float("learning_rate_init", 2e-4, 5e-3, log=True),
    }


SPACES: dict[str, Space] = {
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
    "forest": _forest,
    "logistic": _logistic,
    "neural": _neural,
}
