"""Small experts of every kind, fitted on made flights, and vectors to ask them about."""

import numpy as np

from flights_made import make_flights
from puntual.features.spec import Known
from puntual.features.vector import Matrix
from puntual.flights.flight import LateRule
from puntual.training.candidates import Candidate, Treatment, fit
from puntual.training.dataset import STATES, Dataset, columns_without
from puntual.training.experts import Expert, Experts

SMALL = {"forest": {"n_estimators": 12}, "lightgbm": {"n_estimators": 12}, "xgboost": {"n_estimators": 12}}


def made_dataset() -> Dataset:
    return Dataset(make_flights(days=60, per_day=20), LateRule.FROM_15, np.arange(900))


def vectors_in_every_state(dataset: Dataset) -> Matrix:
    """Vectors in every state of knowledge, and some with values missing anywhere."""
    rows = np.arange(0, 1200, 2)
    matrix = np.concatenate([dataset.state(state, rows) for state in STATES])
    holes = matrix[::3].copy()
    holes[np.random.default_rng(0).random(holes.shape) < 0.2] = np.nan
    return np.concatenate([matrix, holes])


def trained(dataset: Dataset, name: str, treatment: Treatment) -> Experts:
    candidate = Candidate(name, treatment, SMALL.get(name, {}))
    rows = np.arange(1000)
    known, unknown = (
        Expert(fit(candidate, dataset.state(state, rows), columns, dataset.bands[rows]), columns)
        for state, columns in (
            ("full", columns_without(("month_sin",), Known.HISTORY)),
            ("without_history", columns_without((), Known.TIMETABLE)),
        )
    )
    return Experts(known, unknown)
