"""A bundle scored on a table of flights, in each state of knowledge."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import BundleError, NotEnoughFlightsError
from puntual.evaluation import Evaluation, Outcomes, score
from puntual.evaluation.splits import split_stratified
from puntual.features.from_frame import keys_of
from puntual.features.states import CONDITIONS, MAIN, Condition
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
    chosen = _test_flights(bundle, table, flights) if split_test else flights
    chosen = chosen.filter(_between(start, until), pl.lit(True) if only is None else only)
    if chosen.height < FEWEST:
        raise NotEnoughFlightsError(
            f"{chosen.height} operated flights to score between {start or 'the first'} and {until or 'the last'}; "
            f"expected at least {FEWEST}; give a longer period, or another table"
        )
    predictor = Predictor(bundle, tested=split_test)
    rule, threshold = bundle.manifest.late_rule, bundle.manifest.threshold
    outcomes = Outcomes(bands_of(chosen, rule), delay_minutes(chosen), keys_of(chosen).day.astype(np.int32))
    by_condition = _predictions(predictor, chosen, flights)
    states = {
        name: score(outcomes, predictions.predicted, threshold, rounds=200 if name == MAIN.name else 1)
        for name, predictions in by_condition.items()
    }
    scored = Scored(states, 0 if split_test else _trained_on(bundle, table, chosen))
    past = LiveFlights(keys_of(flights), flights, rule, table.weather).without(*without)
    for name in horizons:
        waiting, predictions = _at(predictor, past, chosen, 0 if name == DAY else int(name))
        at = Outcomes(outcomes.band[waiting], outcomes.delay[waiting], outcomes.day[waiting])
        scored.horizons[name] = score(at, predictions.predicted, threshold, rounds=200)
        scored.gone[name] = int((~waiting).sum())
    return scored


def _at(
    predictor: Predictor, past: LiveFlights, chosen: pl.DataFrame, minutes: int
) -> tuple[NDArray[np.bool_], Predictions]:
    """Predict the flights that were not gone so many minutes before their schedule, and say which those are."""
    places = chosen["place"].to_numpy().astype(np.intp)
    waiting = past.is_waiting(places, minutes) if minutes else np.ones(len(places), bool)
    rows, flights = places[waiting], past.flights
    live = past.columns(rows, minutes, predictor.turns) if minutes else None
    closed = past.days_of(rows, minutes) if minutes else None
    return waiting, predictor.predict(
        chosen.filter(waiting), past=flights, timetable_of=flights, live=live, closed=closed
    )


def _predictions(predictor: Predictor, chosen: pl.DataFrame, flights: pl.DataFrame) -> dict[str, Predictions]:
    """Predict under each condition of knowledge, by leaving out what is not known under it."""
    nothing = flights.clear()

    def under(condition: Condition) -> Predictions:
        past = flights if condition.state.history else nothing
        return predictor.predict(chosen, past=past, timetable_of=nothing if condition.typical else flights)

    return {condition.name: under(condition) for condition in CONDITIONS}


def _between(start: datetime | None, until: datetime | None) -> pl.Expr:
    scheduled = pl.col("scheduled_departure")
    return (scheduled >= start if start else pl.lit(True)) & (scheduled < until if until else pl.lit(True))


def _test_flights(bundle: Bundle, table: FlightTable, flights: pl.DataFrame) -> pl.DataFrame:
    """Find the flights that the bundle was tested on: a period, or a draw made again from the same table."""
    split = bundle.manifest.split
    if split.kind == "time":
        return flights.filter(_between(split.test_from, split.test_until))
    if table.digest != bundle.manifest.data_digest:
        raise BundleError(
            f"bundle {bundle.version} was split at random from the table {str(bundle.manifest.data_digest)[:12]}, "
            f"and this one is {table.digest[:12]}; give the same file to find its test flights again"
        )
    first, last = bundle.manifest.period
    drawn_from = flights.filter(_between(first, last + timedelta(minutes=1)))
    return drawn_from[split_stratified(bands_of(drawn_from, table.late_rule), split.seed).test]


def _trained_on(bundle: Bundle, table: FlightTable, chosen: pl.DataFrame) -> int:
    """Count the flights scored that lie in the period that the model was trained on, of the same source."""
    if table.source != bundle.manifest.source:
        return 0
    first, last = bundle.manifest.period
    return chosen.filter(_between(first, last + timedelta(minutes=1))).height
