"""Experiments on two thousand made flights, a hundred days of twenty, and a candidate that is fitted at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from flights_made import as_flight_table, make_flights
from puntual.sources import FlightTable
from puntual.training import live_fit
from puntual.training.candidates import Candidate, Treatment
from puntual.training.dataset import Dataset
from puntual.training.experiment import Experiment, Options, experiments, learnable

QUICK = Candidate("lightgbm", Treatment.NONE, {"n_estimators": 12, "min_child_samples": 20})


def made_table() -> FlightTable:
    return as_flight_table(make_flights(days=100, per_day=20))


def made_experiments() -> tuple[Experiment, Experiment]:
    """The experiment split by time, and the one at random."""
    dataset, _ = learnable(made_table(), Options())
    return experiments(dataset, Options())


def an_hour_late_from(experiment: Experiment, moment: datetime) -> Experiment:
    """The same experiment, but that every flight from a moment on left an hour behind schedule."""
    scheduled, late = pl.col("scheduled_departure"), pl.duration(hours=1)
    from_then = scheduled >= moment
    flights = experiment.dataset.flights.with_columns(
        departed=pl.when(from_then).then(scheduled + late).otherwise("departed"),
        cancelled=pl.col("cancelled") & ~from_then,
    )
    return replace(experiment, dataset=Dataset(flights, experiment.dataset.rule, experiment.dataset.seed))


def begin(_: str) -> None:
    """Listen to no step."""


@contextmanager
def few_live_trees() -> Iterator[None]:
    """Let live experts have a dozen trees, which are fitted at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(live_fit, "live_candidate", lambda _: replace(QUICK, parameters={"n_estimators": 12}))
        yield
