"""Predictions made part by part are those of one machine to the bit, and in the order that they were asked for."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from cluster_made import HereAlone
from puntual.errors import UnknownAirportError
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle
from puntual.scale import spread_predictions as module
from puntual.scale.spread_predictions import spread_predictions


@pytest.fixture
def asked(made_flights: pl.DataFrame) -> pl.DataFrame:
    """Flights in no order, some without airline or date, some whose origin is written in another way."""
    place = pl.int_range(pl.len())
    return (
        made_flights.filter(pl.col("scheduled_departure") >= datetime(2023, 3, 10))
        .sample(fraction=1, shuffle=True, seed=1)
        .with_columns(
            origin=pl.when(place % 5 == 0, pl.col("origin") == "JFK")
            .then(pl.lit("kjfk"))
            .otherwise("origin"),
            airline=pl.when(place % 9 > 0).then("airline"),
            scheduled_departure=pl.when(place % 11 > 0).then("scheduled_departure"),
            departed=pl.lit(None, pl.Datetime("us")),
            cancelled=pl.lit(None, pl.Boolean),
        )
    )


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLIGHTS_OF_A_RUN", 200)


@pytest.mark.parametrize(
    ("with_past", "with_timetable", "as_of", "reasons"),
    [
        (False, False, None, False),
        (True, False, None, False),
        (True, True, datetime(2023, 4, 1), False),
        (True, False, None, True),
    ],
)
def test_predictions_are_the_same_in_the_same_order(
    here: HereAlone,
    made_bundle: Bundle,
    made_flights: pl.DataFrame,
    asked: pl.DataFrame,
    tmp_path: Path,
    with_past: bool,
    with_timetable: bool,
    as_of: datetime | None,
    reasons: bool,
) -> None:
    asked = asked.head(40) if reasons else asked
    given = {
        "past": made_flights.filter(pl.col("scheduled_departure") < datetime(2023, 4, 5))
        if with_past
        else None,
        "timetable_of": made_flights if with_timetable else None,
    }
    ours = spread_predictions(here, made_bundle, asked, tmp_path / "out.csv", as_of, reasons=reasons, **given)
    theirs = Predictor(made_bundle).predict(asked, as_of, reasons=reasons, **given)
    assert len(here.carried_out) >= 2
    assert ours.to_frame().equals(theirs.to_frame())
    for name in ("bands", "quantiles", "states", "warnings", "supports", "history_until"):
        assert getattr(ours, name).tobytes() == getattr(theirs, name).tobytes()
    assert list(tmp_path.iterdir()) == []


def test_no_flights_have_no_predictions(
    here: HereAlone, made_bundle: Bundle, asked: pl.DataFrame, tmp_path: Path
) -> None:
    ours = spread_predictions(here, made_bundle, asked.clear(), tmp_path / "out.csv")
    assert (len(ours.bands), here.carried_out) == (0, [])


def test_what_one_machine_refuses_is_refused(
    here: HereAlone, made_bundle: Bundle, asked: pl.DataFrame, tmp_path: Path
) -> None:
    nowhere = asked.with_columns(origin=pl.lit("J F K"))
    with pytest.raises(UnknownAirportError):
        spread_predictions(here, made_bundle, nowhere, tmp_path / "out.csv")


def test_a_repeated_command_predicts_nothing_twice(
    here: HereAlone, made_bundle: Bundle, asked: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = module.WorkFolder.remove
    monkeypatch.setattr(module.WorkFolder, "remove", lambda _: None)
    first = spread_predictions(here, made_bundle, asked, tmp_path / "out.csv")
    here.carried_out.clear()
    monkeypatch.setattr(module.WorkFolder, "remove", remove)
    again = spread_predictions(here, made_bundle, asked, tmp_path / "out.csv")
    assert here.carried_out == []
    assert again.to_frame().equals(first.to_frame())
