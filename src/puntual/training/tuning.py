"""Searching better parameters with Optuna, for as many minutes as are given."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna

from puntual.evaluation import log_losses
from puntual.training.calibration_fit import fit_calibration
from puntual.training.candidates import Candidate
from puntual.training.fitting import teach, train_recipe, validation_of
from puntual.training.selection import Contest

# Each trial is taught on ever more of the training flights; one that trails early is pruned.
_RUNGS = (0.15, 0.4, 1.0)
Space = Callable[[optuna.Trial], dict[str, Any]]


def tune(
    contest: Contest, candidates: Sequence[Candidate], minutes: float, progress: Callable[[str], object]
) -> tuple[Candidate, ...]:
    """Search the parameters of each model by log loss on validation, sharing the minutes among the models.

    What is found for a model holds under each of its treatments; a model that found nothing better than its
    preset keeps it.
    """
    names = list(dict.fromkeys(candidate.name for candidate in candidates))
    found = {}
    for name in names:
        first = next(candidate for candidate in candidates if candidate.name == name)
        found[name] = _search(contest, first, 60 * minutes / len(names))
        progress(f"tuned {name}")
    return tuple(replace(candidate, parameters=found[candidate.name]) for candidate in candidates)


def _search(contest: Contest, candidate: Candidate, seconds: float) -> dict[str, Any]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=contest.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
    )
    study.enqueue_trial(_PRESETS[candidate.name])
    study.optimize(lambda trial: _loss(contest, candidate, trial), timeout=seconds)
    return dict(study.best_params)


def _loss(contest: Contest, candidate: Candidate, trial: optuna.Trial) -> float:
    recipe = contest.recipe(replace(candidate, parameters=SPACES[candidate.name](trial)))
    loss = np.inf
    for rung, share in enumerate(_RUNGS):
        # The latest flights are the ones most like validation.
        rows = contest.split.train[-int(share * len(contest.split.train)) :]
        trained = train_recipe(recipe, teach(contest.dataset, rows))
        loss = _validation_loss(contest, trained)
        trial.report(loss, rung)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(loss)


def _validation_loss(contest: Contest, trained: Any) -> float:
    matrix, bands = validation_of(contest.dataset, contest.split.validation)
    calibration = fit_calibration([trained.unseen(matrix, bands)], trained.level)
    half = len(contest.split.validation)
    said = trained.calibrated(calibration, matrix[:half])
    return float(log_losses(said, bands[:half]).mean())


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
_PRESETS: dict[str, dict[str, Any]] = {
    "lightgbm": {
        "n_estimators": 100,
        "learning_rate": 0.05,
        "colsample_bytree": 0.4,
        "reg_lambda": 30.0,
        "num_leaves": 31,
        "min_child_samples": 100,
    },
    "xgboost": {
        "n_estimators": 100,
        "learning_rate": 0.05,
        "colsample_bytree": 0.4,
        "reg_lambda": 5.0,
        "max_depth": 6,
        "min_child_weight": 20.0,
    },
    "forest": {"min_samples_leaf": 20, "max_depth": 12, "max_features": 0.2},
    "logistic": {"C": 0.1},
    "neural": {"width": 32, "max_iter": 12, "alpha": 0.01, "learning_rate_init": 0.001},
}
