"""Scores of a bundle on a table that is too large to be held at once: predicted airport by airport, scored together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.evaluation import Predicted
from puntual.evaluation.samples import QUANTILES
from puntual.evaluation.splits import Rows
from puntual.features.states import CONDITIONS
from puntual.flights.flight import BAND_COUNT
from puntual.flights.schema import as_text
from puntual.prediction.predictions import Predictions
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle
from puntual.sources import FlightTable
from puntual.storage import scratch
from puntual.training.bundle_scores import (
    DAY,
    Scored,
    between,
    predict_under,
    require_enough,
    tested_flights,
    trained_on,
)
from puntual.training.large_dataset import LargeDataset


def can_be_scored_in_parts(horizons: Sequence[str]) -> bool:
    """Tell whether nothing is asked as the day unfolds, which takes flights of all airports at once."""
    return set(horizons) <= {DAY}


def score_large(
    bundle: Bundle,
    table: FlightTable,
    dataset: LargeDataset,
    *,
    start: datetime | None = None,
    until: datetime | None = None,
    split_test: bool = False,
    horizons: Sequence[str] = (),
) -> Scored:
    """Give the scores that `bundle_scores.score_bundle` gives, to the bit but for what is summed over all flights.

    `table` says of itself what its flights in `dataset` do not, which are late by the rule of the bundle.
    """
    rows = _chosen(bundle, table, dataset, start, until, split_test=split_test)
    require_enough(len(rows), start, until)
    predictor = Predictor(bundle, tested=split_test)
    answers = {condition.name: MappedPredictions(len(rows)) for condition in CONDITIONS}
    place_of = np.full(len(dataset.keys), -1, np.int32)
    place_of[rows] = np.arange(len(rows))
    for part in dataset.parts():
        flights = as_text(dataset.flights[part.rows])
        places = place_of[part.rows]
        chosen = flights.filter(pl.Series(places >= 0))
        for condition in CONDITIONS:
            predictions = predict_under(predictor, condition, chosen, flights, part.elsewhere)
            answers[condition.name].put(places[places >= 0], predictions)
    threshold, scheduled = bundle.manifest.threshold, dataset.flights["scheduled_departure"].gather(rows)
    scored = Scored({}, 0 if split_test else trained_on(bundle, table.source, scheduled))
    outcomes = dataset.outcomes(rows)
    for name, answer in answers.items():
        scored.add_state(name, outcomes, answer.predicted, threshold)
    for name in horizons:
        everybody = np.ones(len(rows), bool)
        scored.add_horizon(name, outcomes, everybody, answers[CONDITIONS[0].name].predicted, threshold)
    return scored


@dataclass
class MappedPredictions:
    """What was predicted of n flights under one condition, mapped."""

    flights: int
    bands: NDArray[Any] = field(init=False)
    quantiles: NDArray[Any] = field(init=False)

    def __post_init__(self) -> None:
        """Take the room."""
        self.bands = scratch.empty(self.flights, BAND_COUNT, np.float64)
        self.quantiles = scratch.empty(self.flights, len(QUANTILES), np.float64)

    def put(self, places: NDArray[np.int32], predictions: Predictions) -> None:
        """Write what was predicted of some of the flights."""
        self.bands[places], self.quantiles[places] = predictions.bands, predictions.quantiles

    @property
    def predicted(self) -> Predicted:
        """What was predicted of all."""
        return Predicted(self.bands, self.quantiles)


def _chosen(
    bundle: Bundle,
    table: FlightTable,
    dataset: LargeDataset,
    start: datetime | None,
    until: datetime | None,
    *,
    split_test: bool,
) -> Rows:
    """Give the places of the flights to score, in order."""
    flights = dataset.flights.select(pl.exclude(pl.Enum)).with_row_index("place")
    chosen = tested_flights(bundle, table, flights) if split_test else flights
    places: Rows = chosen.filter(between(start, until))["place"].to_numpy().astype(np.intp)
    return places
