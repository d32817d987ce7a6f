"""A model of flights whose airline and number no table told: it trains, predicts, and counts nothing by them."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from experiments_made import few_live_trees
from flights_made import as_flight_table, make_flights
from puntual import Flight, Predictor
from puntual.cli import main
from puntual.features.states import CONDITIONS, STATES
from puntual.features.vector import COLUMNS, columns_made_of
from puntual.flights.flight import LateRule
from puntual.registry import Registry
from puntual.reporting.training_result import Training
from puntual.training.dataset import Dataset
from puntual.training.train import Options, train

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NOBODYS = make_flights(days=70).with_columns(
    pl.lit(None, pl.String).alias("airline"), pl.lit(None, pl.String).alias("flight_number")
)
BY_AIRLINE = columns_made_of("airline")
ROWS = np.arange(NOBODYS.height)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Training, Path]:
    folder = tmp_path_factory.mktemp("nobodys")
    options = Options(candidates="lightgbm:none,logistic:none,forest:none", live=False)
    training = train(
        as_flight_table(NOBODYS), registry=str(folder / "models"), now=NOW, options=options, reports=folder
    )
    return training, folder


@pytest.fixture(scope="module")
def predictor(trained: tuple[Training, Path]) -> Predictor:
    training, folder = trained
    return Predictor.load(str(folder / "models"), training.version)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_what_is_made_of_an_airline_is_missing_under_every_condition(condition) -> None:
    vectors = Dataset(NOBODYS, LateRule.FROM_15).learn(ROWS)
    assert np.isnan(vectors.under(condition, ROWS)[:, BY_AIRLINE]).all()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_what_is_made_of_an_airline_is_missing_where_experts_are_fitted(state) -> None:
    vectors = Dataset(NOBODYS, LateRule.FROM_15).learn(ROWS)
    assert np.isnan(vectors.for_fitting(state, ROWS)[:, BY_AIRLINE]).all()


def test_the_rest_of_the_vector_is_that_of_flights_with_airlines_to_the_bit() -> None:
    rest = np.setdiff1d(np.arange(len(COLUMNS)), BY_AIRLINE)
    told = Dataset(make_flights(days=70), LateRule.FROM_15).learn(ROWS)
    order = ["scheduled_departure", "origin", "destination"]
    assert NOBODYS.select(order).equals(told.dataset.flights.select(order))
    one, other = (
        vectors.full(ROWS)[:, rest] for vectors in (told, Dataset(NOBODYS, LateRule.FROM_15).learn(ROWS))
    )
    np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def test_no_airline_is_in_the_vocabulary_and_no_expert_reads_one(trained: tuple[Training, Path]) -> None:
    training, folder = trained
    bundle = Registry(folder / "models").read(training.version)
    assert bundle.manifest.absent == ("airline", "flight_number")
    assert "airline" not in bundle.tables["vocabulary"]["kind"]
    read = {column for columns in bundle.manifest.expert_columns.values() for column in columns}
    assert not read & {COLUMNS[place] for place in BY_AIRLINE}


def test_an_airline_that_is_given_all_the_same_changes_nothing_and_has_no_support(
    predictor: Predictor,
) -> None:
    given = [
        Flight(airline, number, "JFK", "MIA", datetime(2023, 3, 14, 10, 30))
        for airline, number in (("AA", "101"), ("UA", "7"))
    ]
    predicted = predictor.predict(given)
    assert predicted.bands[0].tolist() == predicted.bands[1].tolist()
    assert predicted.supports[:, :3].tolist() == [[0, 0, 0]] * 2
    assert (predicted.supports[:, 3] > 0).all()
    assert predicted.warnings.tolist() == [0, 0]


def test_no_reason_is_the_airline(predictor: Predictor) -> None:
    predicted = predictor.predict(NOBODYS[-40:], past=NOBODYS, timetable_of=NOBODYS, reasons=True)
    reasons = predicted.to_frame()["reason_airline"]
    assert reasons.abs().max() < 1e-12


def test_the_record_has_no_airline_to_score_or_count_by(trained: tuple[Training, Path]) -> None:
    training, folder = trained
    assert training.rates["airline"] == ()
    assert "By airline" not in (folder / f"{training.version}.html").read_text()
    assert all(step.roc_auc > 0.4 for step in training.ablation)


def test_a_draft_for_a_table_without_an_airline_trains_and_predicts_flights_without_one(
    tmp_path: Path,
) -> None:
    minutes = (pl.col("departed") - pl.col("scheduled_departure")).dt.total_minutes()
    table = make_flights(days=60).select(
        "origin", "destination", "scheduled_departure", "cancelled", delay=minutes
    )
    table.write_csv(tmp_path / "flights.csv", datetime_format="%Y-%m-%d %H:%M")
    table[-3:].select("origin", "destination", "scheduled_departure").write_csv(
        tmp_path / "coming.csv", datetime_format="%Y-%m-%d %H:%M"
    )
    registry = f"--registry {tmp_path}/models"
    for line in (
        f"map {tmp_path}/flights.csv -o {tmp_path}/map.toml",
        f"train --source table --data {tmp_path}/flights.csv --map {tmp_path}/map.toml --candidates logistic:none "
        f"--no-backtest {registry} --reports {tmp_path}/reports",
    ):
        with few_live_trees():
            assert CliRunner().invoke(main, line.split()).exit_code == 0
    (bundle,) = (tmp_path / "models").glob("*.puntual")
    line = f"predict {tmp_path}/coming.csv -o {tmp_path}/out.csv --bundle {bundle}"
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == 0, result.output
    assert "no column tells the airline" in result.stderr
    predicted = pl.read_csv(tmp_path / "out.csv")
    assert predicted["missing"].to_list() == ["airline flight_number"] * 3
    assert predicted.select("support_airline", "support_route", "support_flight").sum().row(0) == (0, 0, 0)
