"""What of a flight lies outside what the model knows."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from flights_made import flights_of
from puntual.features.vector import GROUPS
from puntual.prediction.predictor import Predictor
from puntual.prediction.warnings import codes_of
from puntual.registry import Bundle

LAST = datetime(2023, 4, 21, 23)
HISTORY = GROUPS.index("history")


@pytest.fixture(scope="module")
def predictor(made_bundle: Bundle) -> Predictor:
    return Predictor(made_bundle, threads=1)


def warnings(predictor: Predictor, **fields: object) -> str:
    flight = flights_of({"scheduled_departure": LAST} | fields)
    (codes,) = map(codes_of, predictor.predict(flight).warnings.tolist())
    return codes


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({}, ""),
        ({"airline": "ZZ"}, "unknown_airline"),
        ({"destination": "AKL"}, "unknown_destination"),
        ({"origin": "SCL"}, "unknown_origin"),
        ({"origin": "BOS", "destination": "JFK"}, "unknown_origin;unknown_destination"),
        ({"destination": "EWR"}, "unknown_destination"),
        ({"destination": "JFK"}, "unknown_destination;same_airport"),
        ({"scheduled_departure": LAST + timedelta(days=366)}, "no_history"),
        ({"scheduled_departure": LAST + timedelta(days=367)}, "far_date;no_history"),
        ({"scheduled_departure": datetime(2023, 1, 1, 12)}, "far_date;no_history"),
    ],
)
def test_a_flight_outside_what_training_saw_says_so(
    predictor: Predictor, fields: dict[str, object], codes: str
) -> None:
    assert warnings(predictor, **fields) == codes


def test_a_route_between_known_airports_that_training_never_saw_is_named(made_bundle: Bundle) -> None:
    routes = made_bundle.tables["routes"]
    others = {name: column[routes["destination"] != "BOS"] for name, column in routes.items()}
    fewer = Predictor(replace(made_bundle, tables=made_bundle.tables | {"routes": others}), threads=1)
    assert warnings(fewer) == "unknown_route"


def test_a_bundle_that_kept_no_routes_warns_of_none(made_bundle: Bundle) -> None:
    tables = {name: table for name, table in made_bundle.tables.items() if name != "routes"}
    assert warnings(Predictor(replace(made_bundle, tables=tables), threads=1)) == ""


def test_what_is_not_known_of_a_flight_is_missing_and_not_unknown_to_the_model(predictor: Predictor) -> None:
    unknown = pl.lit(None)
    flight = flights_of({"scheduled_departure": LAST}).with_columns(
        unknown.cast(pl.String).alias("airline"), unknown.cast(pl.String).alias("destination")
    )
    assert [codes_of(bits) for bits in predictor.predict(flight).warnings.tolist()] == [""]


def test_history_is_no_reason_where_there_is_none(predictor: Predictor, made_flights: pl.DataFrame) -> None:
    later = made_flights[-60:].with_columns(pl.col("scheduled_departure") + timedelta(days=300))
    predictions = predictor.predict(pl.concat([made_flights[-400:-340], later]), reasons=True)
    assert predictions.reasons is not None
    without = predictions.history_until < 0
    assert 0 < without.sum() < len(without)
    assert (predictions.reasons[without, HISTORY] == 0).all()
    assert np.abs(predictions.reasons[~without, HISTORY]).max() > 0


def test_the_column_of_a_table_holds_the_codes(predictor: Predictor) -> None:
    flights = flights_of(
        {"scheduled_departure": LAST}, {"scheduled_departure": LAST, "airline": "ZZ", "destination": "AKL"}
    )
    assert predictor.predict(flights).to_frame()["warnings"].to_list() == [
        "",
        "unknown_airline;unknown_destination",
    ]
