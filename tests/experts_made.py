"""Small experts of every kind, fitted on made flights, and vectors to ask them about."""

import numpy as np

from flights_made import make_flights
from puntual.features.states import CONDITIONS
from puntual.features.vector import Matrix
from puntual.flights.flight import LateRule
from puntual.prediction.experts import Model
from puntual.training.candidates import Candidate, Treatment, fit
from puntual.training.dataset import Dataset, TrainingVectors, columns_without
from puntual.training.fitting import Expert, Experts
from puntual.training.onnx_export import columns_read, convert

SMALL = {"forest": {"n_estimators": 12}, "lightgbm": {"n_estimators": 12}, "xgboost": {"n_estimators": 12}}


def made_dataset() -> Dataset:
    return Dataset(make_flights(days=60, per_day=20), LateRule.FROM_15)


def learnt(dataset: Dataset) -> TrainingVectors:
    return dataset.learn(np.arange(900))


def vectors_in_every_state(dataset: Dataset) -> Matrix:
    """Vectors in every state of knowledge, and some with values missing anywhere."""
    rows = np.arange(0, 1200, 2)
    matrix = np.concatenate([learnt(dataset).under(condition, rows) for condition in CONDITIONS])
    holes = matrix[::3].copy()
    holes[np.random.default_rng(0).random(holes.shape) < 0.2] = np.nan
    return np.concatenate([matrix, holes])


def trained(dataset: Dataset, name: str, treatment: Treatment) -> Experts:
    candidate = Candidate(name, treatment, SMALL.get(name, {}))
    rows = np.arange(1000)
    left_out = {"history": ("month_sin",), "timetable": ()}
    experts = {}
    for condition in CONDITIONS[:2]:
        columns = columns_without(left_out[condition.name], condition.state.known)
        matrix = learnt(dataset).under(condition, rows)
        experts[condition.name] = Expert(fit(candidate, matrix, columns, dataset.bands[rows]), columns)
    return Experts(experts)


def model_of(experts: Experts, name: str, threads: int = 0) -> Model:
    """The experts' ONNX models, loaded to be asked."""
    return Model(convert(experts), columns_read(experts), name, threads)
