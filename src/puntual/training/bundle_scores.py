"""A bundle scored on a table of flights, in each state of knowledge."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import BundleError, NotEnoughFlightsError
from puntual.evaluation import Evaluation, Outcomes, Predicted, score
from puntual.evaluation.splits import split_stratified
from puntual.features.from_frame import keys_of
from puntual.features.states import CONDITIONS, MAIN, Condition
from puntual.flights.arrays import Columns
from puntual.flights.flight import LateRule
from puntual.flights.schema import bands_of, delay_minutes, has_operation
from puntual.prediction.predictions import Predictions
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle
from puntual.sources import FlightTable, toward
from puntual.training.live_vectors import LiveFlights

FEWEST = 30
# The close of the previous local day.
DAY = "day"


@dataclass(frozen=True)
class Scored:
    """Scores of a bundle by state of knowledge, and how many of the flights its model was trained on.

    `horizons` holds, where wanted, the scores so many minutes before the schedule by name, and `gone` how many flights
    were gone by then and left out.
    """

    states: dict[str, Evaluation]
    trained_on: int
    horizons: dict[str, Evaluation] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)

    def add_state(self, name: str, outcomes: Outcomes, predicted: Predicted, threshold: float) -> None:
        """Score what was predicted in one state of knowledge."""
        rounds = 200 if name == MAIN.name else 1
        self.states[name] = score(outcomes, predicted, threshold, rounds=rounds)

    def add_horizon(
        self,
        name: str,
        outcomes: Outcomes,
        waiting: NDArray[np.bool_],
        predicted: Predicted,
        threshold: float,
    ) -> None:
        """Score what was predicted at a horizon of the flights that were waiting then."""
        at = Outcomes(outcomes.band[waiting], outcomes.delay[waiting], outcomes.day[waiting])
        self.horizons[name] = score(at, predicted, threshold, rounds=200)
        self.gone[name] = int((~waiting).sum())


def score_bundle(
    bundle: Bundle,
    table: FlightTable,
    *,
    start: datetime | None = None,
    until: datetime | None = None,
    split_test: bool = False,
    horizons: Sequence[str] = (),
    without: Sequence[str] = (),
    only: pl.Expr | None = None,
) -> Scored:
    """Score a bundle on the flights of a period, or on the test flights of its own split.

    Flights before `start` only feed history; `until` is exclusive. Every flight is predicted from the operations
    of the days before it. With `split_test` they are predicted by the model that had not seen the test.
    `horizons` are minutes before the schedule, or `day` for the close of the day before; the table's own past is
    played, `without` its `tails` or `weather`. Flights that `only` does not pick only tell of themselves.
    """
    flights = toward(table, bundle.manifest.target)
    flights = flights.filter(has_operation(flights)).with_row_index("place")
    chosen = tested_flights(bundle, table, flights) if split_test else flights
    chosen = chosen.filter(between(start, until), pl.lit(True) if only is None else only)
    require_enough(chosen.height, start, until)
    predictor = Predictor(bundle, tested=split_test)
    rule, threshold = bundle.manifest.late_rule, bundle.manifest.threshold
    outcomes = outcomes_of(chosen, rule)
    scored = Scored({}, 0 if split_test else trained_on(bundle, table.source, chosen["scheduled_departure"]))
    for condition in CONDITIONS:
        predictions = predict_under(predictor, condition, chosen, flights)
        scored.add_state(condition.name, outcomes, predictions.predicted, threshold)
    past = LiveFlights(keys_of(flights), flights, rule, table.weather).without(*without)
    for name in horizons:
        waiting, predictions = predict_at(predictor, past, chosen, name)
        scored.add_horizon(name, outcomes, waiting, predictions.predicted, threshold)
    return scored


def require_enough(flights: int, start: datetime | None, until: datetime | None) -> None:
    """Refuse to score too few flights."""
    if flights < FEWEST:
        raise NotEnoughFlightsError(
            f"{flights} operated flights to score between {start or 'the first'} and {until or 'the last'}; "
            f"expected at least {FEWEST}; give a longer period, or another table"
        )


def outcomes_of(flights: pl.DataFrame, rule: LateRule) -> Outcomes:
    """Give what happened to operated flights."""
    return Outcomes(bands_of(flights, rule), delay_minutes(flights), keys_of(flights).day.astype(np.int32))


def predict_at(
    predictor: Predictor,
    past: LiveFlights,
    chosen: pl.DataFrame,
    horizon: str,
    elsewhere: Columns | None = None,
) -> tuple[NDArray[np.bool_], Predictions]:
    """Predict the flights that were not gone at a horizon, and say which those are.

    `past` are all flights, or those of an airport with what is counted `elsewhere`; each of the chosen tells its
    `place` among them.
    """
    minutes = 0 if horizon == DAY else int(horizon)
    places = chosen["place"].to_numpy().astype(np.intp)
    waiting = past.is_waiting(places, minutes) if minutes else np.ones(len(places), bool)
    rows, flights = places[waiting], past.flights
    live = past.columns(rows, minutes, predictor.turns) if minutes else None
    closed = past.days_of(rows, minutes) if minutes else None
    return waiting, predictor.predict(
        chosen.filter(waiting),
        past=flights,
        elsewhere=elsewhere,
        timetable_of=flights,
        live=live,
        closed=closed,
    )


def predict_under(
    predictor: Predictor,
    condition: Condition,
    chosen: pl.DataFrame,
    flights: pl.DataFrame,
    elsewhere: Columns | None = None,
) -> Predictions:
    """Predict under a condition of knowledge, by leaving out what is not known under it."""
    nothing = flights.clear()
    return predictor.predict(
        chosen,
        past=flights if condition.state.history else nothing,
        elsewhere=elsewhere if condition.state.history else None,
        timetable_of=nothing if condition.typical else flights,
    )


def between(start: datetime | None, until: datetime | None) -> pl.Expr:
    """Bound the scheduled departures of a period, whose end is exclusive."""
    scheduled = pl.col("scheduled_departure")
    return (scheduled >= start if start else pl.lit(True)) & (scheduled < until if until else pl.lit(True))


def tested_flights(bundle: Bundle, table: FlightTable, flights: pl.DataFrame) -> pl.DataFrame:
    """Find the flights that the bundle was tested on: a period, or a draw made again from the same table."""
    split = bundle.manifest.split
    if split.kind == "time":
        return flights.filter(between(split.test_from, split.test_until))
    if table.digest != bundle.manifest.data_digest:
        raise BundleError(
            f"bundle {bundle.version} was split at random from the table {str(bundle.manifest.data_digest)[:12]}, "
            f"and this one is {table.digest[:12]}; give the same file to find its test flights again"
        )
    first, last = bundle.manifest.period
    drawn_from = flights.filter(between(first, last + timedelta(minutes=1)))
    return drawn_from[split_stratified(bands_of(drawn_from, table.late_rule), split.seed).test]


def trained_on(bundle: Bundle, source: str, scheduled: pl.Series) -> int:
    """Count the flights scored that lie in the period that the model was trained on, of the same source."""
    if source != bundle.manifest.source:
        return 0
    first, last = bundle.manifest.period
    return scheduled.to_frame().filter(between(first, last + timedelta(minutes=1))).height
