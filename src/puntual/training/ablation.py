"""The road from the notebook's three features to the full set, step by step on one stratified split."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import OneHotEncoder

from puntual.evaluation.splits import Rows
from puntual.features.vector import COLUMNS
from puntual.flights import airports
from puntual.flights.schema import as_text
from puntual.reporting.training_result import AblationStep
from puntual.training.backtesting import EvaluatedModel
from puntual.training.experiment import Experiment
from puntual.training.side_by_side import side_by_side, unfinished_fits_allowed

_THREE = ("airline", "kind", "month")
_MOST_ROWS = 60_000
_LABEL = 0.5


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    columns: tuple[str, ...]
    dtype: type
    down_sampled: bool
    model: Callable[[], Any]


def _logistic() -> Any:
    return LogisticRegression(max_iter=200)


def _forest() -> Any:
    return RandomForestClassifier(100, min_samples_leaf=5, n_jobs=2, random_state=0)


def _neural() -> Any:
    return MLPClassifier((32,), max_iter=10, random_state=0)


_FOUR = (*_THREE, "destination")
_STEPS = (
    _Step(
        "the notebook's airline, flight type and month; logistic regression", _THREE, bool, False, _logistic
    ),
    _Step("+ destination", _FOUR, bool, False, _logistic),
    _Step("floats instead of booleans", _FOUR, np.float32, False, _logistic),
    _Step("+ down-sampling of punctual flights", _FOUR, np.float32, True, _logistic),
    _Step("random forest instead", _FOUR, np.float32, True, _forest),
    _Step("neural network instead", _FOUR, np.float32, True, _neural),
)
STEP_COUNT = len(_STEPS)


def ablate(
    experiment: Experiment, full: EvaluatedModel, begin: Callable[[str], object]
) -> tuple[AblationStep, ...]:
    """Score each step on the test flights of one stratified split; `full` is the winner on that split.

    The early steps label a flight late at .5, as the notebook does; the last at its own threshold.
    """
    steps = side_by_side(lambda step: _score(experiment, step), _STEPS, lambda step: begin(step.name))
    late = experiment.dataset.late[experiment.split.test]
    name = f"the full feature set, {full.fitted.candidate}, threshold {full.threshold:.2f}"
    return (*steps, _step(name, len(COLUMNS), late, full.predicted.late_probability, full.threshold))


def _score(experiment: Experiment, step: _Step) -> AblationStep:
    flights = experiment.dataset.flights

    def described(rows: Rows) -> NDArray[Any]:
        return describe_flights(as_text(flights[rows])).select(step.columns).to_numpy()

    train, test = _train_rows(experiment, step), experiment.split.test
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore", dtype=step.dtype)
    seen = encoder.fit_transform(described(train))
    with unfinished_fits_allowed():
        model = step.model().fit(seen, experiment.dataset.late[train])
    p_late = np.concatenate(
        [model.predict_proba(encoder.transform(described(rows)))[:, 1] for rows in _chunks(test)]
    )
    return _step(step.name, seen.shape[1], experiment.dataset.late[test], p_late, _LABEL)


def _step(
    name: str, features: int, late: NDArray[np.bool_], p_late: NDArray[np.float64], threshold: float
) -> AblationStep:
    scores = precision_recall_fscore_support(late, p_late >= threshold, average="binary", zero_division=0)
    precision, recall, f1, _ = scores
    return AblationStep(
        step=name,
        features=features,
        roc_auc=float(roc_auc_score(late, p_late)),
        average_precision=float(average_precision_score(late, p_late)),
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
    )


def describe_flights(flights: pl.DataFrame) -> pl.DataFrame:
    """Give the notebook's features: airline, destination, month, and whether a border is crossed, if that is known."""
    codes = {*flights["origin"].unique(), *flights["destination"].unique()}
    country = {code: airports.country_of(code) for code in codes}
    start, end = (
        pl.col(name).replace_strict(country, return_dtype=pl.String) for name in ("origin", "destination")
    )
    kinds = pl.when(start != end).then(pl.lit("international")).otherwise(pl.lit("domestic"))
    return flights.select(
        pl.col("airline").fill_null("unknown"),
        "destination",
        kind=pl.when(start.is_null() | end.is_null()).then(pl.lit("unknown")).otherwise(kinds),
        month=pl.col("scheduled_departure").dt.month().cast(pl.String),
    )


def _train_rows(experiment: Experiment, step: _Step) -> Rows:
    chance = np.random.default_rng(experiment.seed)
    rows = experiment.split.before_test
    rows = np.sort(chance.choice(rows, min(len(rows), _MOST_ROWS), replace=False))
    if not step.down_sampled:
        return rows
    late = experiment.dataset.late[rows]
    punctual = chance.choice(rows[~late], min(int(late.sum()), int((~late).sum())), replace=False)
    return np.sort(np.concatenate([rows[late], punctual]))


def _chunks(rows: Rows) -> Iterator[Rows]:
    return (rows[start : start + 20_000] for start in range(0, len(rows), 20_000))
