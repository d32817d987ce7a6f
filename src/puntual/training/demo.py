"""A first look: train a quick preset on real flights, promote the winner, and predict three flights of a day after."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import polars as pl

from puntual.errors import BundleError, GateRefusedError
from puntual.prediction.loading import load_proven
from puntual.prediction.predictions import Predictions
from puntual.prediction.predictor import Predictor
from puntual.registry import Registry, TrustedKeys
from puntual.registry.promotion import promote
from puntual.reporting.training_result import Training
from puntual.sources import SOURCES, FlightTable, read_flights
from puntual.training.experiment import Options
from puntual.training.train import train

# Three flights at these places in the order of P(late): one likely punctual, one in the middle, one likely late.
_PLACES = (0.02, 0.5, 0.98)


@dataclass(frozen=True)
class Demo:
    """The training, the gate's refusal if there was one, and three flights with their predictions.

    `table` holds the last day, which the model has not seen.
    """

    training: Training
    refused: str | None
    flights: pl.DataFrame
    predictions: Predictions
    table: FlightTable

    @property
    def day(self) -> date:
        """The last day of the table."""
        last: date = self.flights["scheduled_departure"].dt.date()[0]
        return last


def run(
    registry: str,
    reports: Path,
    now: datetime,
    progress: Callable[[str, int, int], object],
    bad_rows: str | None = None,
    *,
    command: str = "",
    trusted: TrustedKeys | None = None,
) -> Demo:
    """Train on SCL where its table is in place, else on New York; promote, and predict three of the last day.

    The model has not seen that day, so that it can be replayed.
    """
    source = "scl" if SOURCES["scl"].is_present() else "nyc"
    table = read_flights(source, bad_rows=bad_rows)
    on = pl.col("scheduled_departure").dt.date()
    day = table.flights.filter(on == on.max())
    last = datetime.combine(day["scheduled_departure"].dt.date()[0], time())
    options = Options(preset="quick", until=last, command=command)
    training = train(table, registry=registry, now=now, options=options, reports=reports, progress=progress)
    refused = None
    try:
        promote(Registry(registry, trusted=trusted), training.version, now, try_out=load_proven)
    except (BundleError, GateRefusedError) as error:
        refused = str(error)
    predictor = Predictor.load(registry, training.version)
    predictions = predictor.predict(day, past=table.flights, timetable_of=day)
    order = np.argsort(predictions.late_probability, kind="stable")
    three = day[[int(order[int(place * (len(order) - 1))]) for place in _PLACES]]
    predictions = predictor.predict(three, past=table.flights, timetable_of=day)
    return Demo(training, refused, three, predictions, table)
