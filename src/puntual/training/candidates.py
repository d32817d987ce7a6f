"""The models that compete, as unfitted estimators with good presets, and three treatments of the imbalance."""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from xgboost import XGBClassifier

from puntual.errors import UnknownCandidateError, did_you_mean
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.storage import scratch
from puntual.training.side_by_side import free_cores, is_beside_others, unfinished_fits_allowed

CODES = ("airline_code", "origin_code", "destination_code")
Parameters = Mapping[str, Any]
BandLabels = NDArray[np.int8]
LARGE = 100_000


class Treatment(enum.StrEnum):
    """What is done about late flights being few."""

    NONE = "none"
    WEIGHTS = "weights"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model by name, its treatment of the imbalance and the parameters that differ from the preset."""

    name: str
    treatment: Treatment
    parameters: Parameters = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}:{self.treatment}"


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that a treatment lets a classifier see, their weights, and the log prior shift that undoes it."""

    rows: NDArray[np.intp]
    weights: NDArray[np.float64] | None
    shift: tuple[float, ...]


def build(candidate: Candidate, columns: NDArray[np.intp], rows: int, seed: int = 0) -> Any:
    """Build the unfitted estimator of a candidate for these columns of the vector and this many rows."""
    parameters = preset(candidate.name, rows) | dict(candidate.parameters)
    return MODELS[candidate.name](columns, rows, seed, parameters)


def treat(treatment: Treatment, bands: BandLabels, seed: int = 0) -> Sample:
    """Choose rows and weights: all alike, balanced class weights, or as many punctual flights as late ones."""
    return TREATMENTS[treatment](bands, np.random.default_rng(seed))


def fit(
    candidate: Candidate, matrix: Matrix, columns: NDArray[np.intp], bands: BandLabels, seed: int = 0
) -> Any:
    """Fit a candidate on these columns of n flights under its treatment."""
    sample = treat(candidate.treatment, bands, seed)
    estimator = build(candidate, columns, len(sample.rows), seed)
    seen = scratch.take(matrix, sample.rows, columns)
    with unfinished_fits_allowed():
        fitted = estimator.fit(seen, bands[sample.rows], **_weights_for(estimator, sample))
    return _answering_by_one_thread(fitted)


def _answering_by_one_thread(fitted: Any) -> Any:
    """Let a forest add its trees up in one order: threads add them as they end, and rounding then differs."""
    forest = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    if isinstance(forest, RandomForestClassifier):
        forest.set_params(n_jobs=1)
    return fitted


def predict(fitted: Any, matrix: Matrix) -> NDArray[np.floating]:
    """Give a fitted candidate's probabilities of the bands for n flights, shape (n, 5)."""
    # What LightGBM answers of a row does not depend on how rows are shared out, nor on the threads of its fit.
    threads = {"num_threads": free_cores()} if isinstance(fitted, LGBMClassifier) else {}
    probabilities: NDArray[np.floating] = fitted.predict_proba(matrix, **threads)
    return probabilities


def parse_candidates(text: str | None) -> tuple[Candidate, ...]:
    """Read a choice such as `lightgbm,logistic:none`; a name without a treatment stands for all three."""
    names = text.split(",") if text else list(MODELS)
    return tuple(candidate for name in names for candidate in _parse(name.strip()))


def _parse(text: str) -> Iterable[Candidate]:
    name, _, treatment = text.partition(":")
    if name not in MODELS:
        raise UnknownCandidateError(_unknown("candidate", name, MODELS))
    if treatment and treatment not in list(Treatment):
        raise UnknownCandidateError(_unknown("treatment", treatment, list(Treatment)))
    return (Candidate(name, chosen) for chosen in Treatment if treatment in ("", chosen))


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    known = list(known)
    return f"{what} {name[:80]!r} is unknown; expected one of {', '.join(known)}{did_you_mean(name, known)}"


def _weights_for(estimator: Any, sample: Sample) -> dict[str, Any]:
    if sample.weights is None:
        return {}
    if isinstance(estimator, Pipeline):
        return {f"{estimator.steps[-1][0]}__sample_weight": sample.weights}
    return {"sample_weight": sample.weights}


def _as_they_are(bands: BandLabels, _: np.random.Generator) -> Sample:
    return Sample(np.arange(len(bands)), None, (0.0,) * BAND_COUNT)


def _weighted(bands: BandLabels, _: np.random.Generator) -> Sample:
    shares = np.maximum(np.bincount(bands, minlength=BAND_COUNT), 1) / len(bands)
    weights = compute_sample_weight("balanced", bands)
    return Sample(np.arange(len(bands)), weights, tuple(np.log(shares * (bands.max() + 1)).tolist()))


def _down_sampled(bands: BandLabels, chance: np.random.Generator) -> Sample:
    punctual, late = np.flatnonzero(bands == 0), np.flatnonzero(bands > 0)
    kept = chance.choice(punctual, min(len(punctual), max(len(late), 1)), replace=False)
    shift = np.zeros(BAND_COUNT)
    shift[0] = np.log(len(punctual) / len(kept)) if len(kept) else 0.0
    return Sample(np.sort(np.concatenate([kept, late])), None, tuple(shift.tolist()))


TREATMENTS: dict[Treatment, Callable[[BandLabels, np.random.Generator], Sample]] = {
    Treatment.NONE: _as_they_are,
    Treatment.WEIGHTS: _weighted,
    Treatment.DOWN: _down_sampled,
}


def _numbers(columns: NDArray[np.intp]) -> ColumnTransformer:
    """Impute and scale numbers, and give each frequent airline and airport a column of its own."""
    coded = [place for place, column in enumerate(columns) if COLUMNS[column] in CODES]
    plain = [place for place, column in enumerate(columns) if COLUMNS[column] not in CODES]
    scaled = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    return ColumnTransformer(
        [
            ("numbers", scaled, plain),
            ("codes", OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32), coded),
        ]
    )


def preset(name: str, rows: int) -> dict[str, Any]:
    """Give the parameters of a model for a table of this many rows, from which a search starts too.

    >>> preset("lightgbm", 50_000)["learning_rate"], preset("lightgbm", 500_000)["learning_rate"]
    (0.05, 0.1)
    """
    large = rows >= LARGE
    boosting = {
        "n_estimators": 100,
        "learning_rate": 0.1 if large else 0.05,
        "colsample_bytree": 0.4,
        "subsample": 0.8,
    }
    presets: dict[str, dict[str, Any]] = {
        "logistic": {"C": 0.1, "max_iter": 60, "tol": 1e-3},
        "forest": {
            "n_estimators": 80,
            "min_samples_leaf": 20,
            "max_depth": 12,
            "max_features": 0.2,
            "max_samples": min(1.0, LARGE / 3 / rows),
        },
        "lightgbm": boosting
        | {
            "num_leaves": 31,
            "min_child_samples": 100,
            "subsample_freq": 1,
            "reg_lambda": 30.0,
            "max_bin": 63,
        },
        "xgboost": boosting | {"max_depth": 6, "min_child_weight": 20.0, "reg_lambda": 5.0, "max_bin": 64},
        "neural": {
            "width": 32,
            "max_iter": 6 if large else 12,
            "batch_size": 256,
            "learning_rate_init": 1e-3,
            "alpha": 1e-2,
        },
    }
    return presets[name]


def _logistic(columns: NDArray[np.intp], _: int, seed: int, parameters: Parameters) -> Any:
    return make_pipeline(_numbers(columns), LogisticRegression(random_state=seed, **parameters))


def _forest(_: NDArray[np.intp], __: int, seed: int, parameters: Parameters) -> Any:
    # ONNX reads the forest's missing values wrongly, so they are imputed before it.
    imputer = SimpleImputer(keep_empty_features=True)
    return make_pipeline(imputer, RandomForestClassifier(n_jobs=2, random_state=seed, **parameters))


def _lightgbm(_: NDArray[np.intp], rows: int, seed: int, parameters: Parameters) -> Any:
    return LGBMClassifier(
        n_jobs=_threads(rows),
        verbose=-1,
        random_state=seed,
        deterministic=True,
        force_col_wise=True,
        **parameters,
    )


def _xgboost(_: NDArray[np.intp], rows: int, seed: int, parameters: Parameters) -> Any:
    return XGBClassifier(
        n_jobs=_threads(rows),
        tree_method="hist",
        # One tree speaks for all bands: a fifth of the trees to walk, at the same log loss.
        multi_strategy="multi_output_tree",
        objective="multi:softprob",
        random_state=seed,
        verbosity=0,
        **parameters,
    )


def _threads(rows: int) -> int:
    """Use a second thread only where a core is free and a fit is long: threads wait on each other."""
    return 1 if is_beside_others() or rows < LARGE / 2 else 2


def _neural(columns: NDArray[np.intp], _: int, seed: int, parameters: Parameters) -> Any:
    width = int(parameters["width"])
    rest = {name: value for name, value in parameters.items() if name != "width"}
    network = MLPClassifier(hidden_layer_sizes=(width, width), random_state=seed, **rest)
    return make_pipeline(_numbers(columns), network)


MODELS: dict[str, Callable[[NDArray[np.intp], int, int, Parameters], Any]] = {
    "logistic": _logistic,
    "forest": _forest,
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
    "neural": _neural,
}
