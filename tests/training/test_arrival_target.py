"""A model of arrivals: nothing of an arrival is known before it, and bundle, card and scores say what it predicts."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from arrivals_made import made_arrivals
from puntual.errors import BadValueError, BundleError, TableError
from puntual.flights.flight import ARRIVAL_BANDS, Target
from puntual.flights.operations import NEVER
from puntual.prediction.predictor import Predictor
from puntual.registry import FORMAT, Bundle, Registry, require_target
from puntual.registry.promotion import promote
from puntual.sources import FlightTable, toward
from puntual.sources.observed import arrivals_of
from puntual.training.bundle_scores import score_bundle
from puntual.training.dataset import Dataset
from puntual.training.experiment import Options, learnable
from puntual.training.train import train

ARRIVALS = Options(
    candidates="logistic:none", target="arrival", live=False, backtest=False, until=datetime(2023, 4, 22)
)


@pytest.fixture(scope="module")
def table() -> FlightTable:
    return made_arrivals()


@pytest.fixture(scope="module")
def registry(table: FlightTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a model of arrivals, really trained."""
    folder = tmp_path_factory.mktemp("arrivals")
    now = datetime(2026, 1, 2, tzinfo=UTC)
    train(table, registry=str(folder / "models"), now=now, options=ARRIVALS, reports=folder / "reports")
    return folder / "models"


@pytest.fixture(scope="module")
def bundle(registry: Path) -> Bundle:
    (listed,) = Registry(registry).versions()
    return Registry(registry).read(listed.version)


def dataset_of(table: FlightTable) -> Dataset:
    return learnable(table, Options(target="arrival"))[0]


def five_hours_later(table: FlightTable, which: np.ndarray) -> FlightTable:
    """Some flights land five hours later than they did; every third of them nowhere."""
    moved = pl.Series(which)
    lost = moved & pl.Series(np.arange(len(which)) % 3 == 0) & table.flights["departed"].is_not_null()
    arrived = pl.DataFrame({"at": table.arrived}).select(
        pl.when(~lost).then(pl.when(moved).then(pl.col("at") + pl.duration(hours=5)).otherwise("at"))
    )
    assert table.diverted is not None
    return replace(table, arrived=arrived.to_series(), diverted=table.diverted | lost)


def arrived_after(table: FlightTable, moment: np.ndarray | int) -> np.ndarray:
    """Which flights were in the air or on the ground at a minute (UTC), or never arrived at all."""
    _, arrived = arrivals_of(toward(table, Target.ARRIVAL))
    return (arrived > moment) & (arrived < NEVER)


def test_no_arrival_after_the_day_before_is_in_a_vector(table: FlightTable) -> None:
    dataset = dataset_of(table)
    rows = np.flatnonzero(dataset.keys.day == dataset.keys.day[0] + 70)
    midnight = dataset.live.operations.scheduled[rows[0]] - int(dataset.keys.minute[rows[0]])
    later = arrived_after(table, midnight - 1)
    # Flights of the evening before are still in the air at midnight: counted by departure, they would be known.
    day_before = (table.flights["scheduled_departure"].dt.date() == datetime(2023, 3, 12).date()).to_numpy()
    assert (later & day_before).sum() > 3
    other = dataset_of(five_hours_later(table, later))
    every = np.arange(len(dataset.flights))
    np.testing.assert_array_equal(dataset.learn(every).full(rows), other.learn(every).full(rows))
    tomorrow = np.flatnonzero(dataset.keys.day == dataset.keys.day[0] + 72)
    assert not np.array_equal(
        dataset.learn(every).full(tomorrow), other.learn(every).full(tomorrow), equal_nan=True
    )


@pytest.mark.parametrize("horizon", [30, 180, 720])
def test_no_arrival_after_the_cut_off_is_in_a_live_vector(table: FlightTable, horizon: int) -> None:
    dataset = dataset_of(table)
    every = np.arange(len(dataset.flights))
    for row in np.flatnonzero(dataset.keys.day == dataset.keys.day[0] + 70)[::7]:
        cut_off = int(dataset.live.operations.scheduled[row]) - horizon
        other = dataset_of(five_hours_later(table, arrived_after(table, cut_off)))
        one, another = (data.learn(every).live(np.array([row]), horizon) for data in (dataset, other))
        np.testing.assert_array_equal(one, another)


def test_history_counts_late_arrivals_not_late_departures(table: FlightTable) -> None:
    dataset, departures = dataset_of(table), learnable(table, Options())[0]
    assert dataset.late.sum() < departures.late.sum()
    assert dataset.operations["late"].sum() == dataset.late.sum()
    assert departures.operations["late"].sum() == departures.late.sum()


def test_a_bundle_says_that_it_predicts_arrivals(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert (manifest.target, manifest.bands, manifest.format) == (
        Target.ARRIVAL,
        ARRIVAL_BANDS,
        FORMAT,
    )
    assert "an arrival delay of 15 minutes or more, cancelled or diverted" in bundle.card.replace("\\", "")
    assert "five bands of its arrival delay" in bundle.card
    assert "A diverted flight never arrived" in bundle.card


def test_a_bundle_of_departures_says_so_and_keeps_its_format(made_bundle: Bundle) -> None:
    assert (made_bundle.manifest.target, made_bundle.manifest.format) == (Target.DEPARTURE, FORMAT)
    assert "a departure delay of" in made_bundle.card
    assert "diverted" not in made_bundle.card


def test_a_bundle_of_arrivals_is_scored_on_arrivals(bundle: Bundle, table: FlightTable) -> None:
    start = datetime(2023, 4, 22)
    scores = score_bundle(bundle, table, start=start).states["history"]
    dataset = dataset_of(table)
    held_out = (dataset.flights["scheduled_departure"] >= start).to_numpy()
    assert scores.late_rate == pytest.approx(dataset.late[held_out].mean())
    assert scores.roc_auc.value > 0.6


def test_past_flights_of_a_model_of_arrivals_have_to_tell_arrivals(
    bundle: Bundle, table: FlightTable
) -> None:
    predictor = Predictor(bundle)
    flights = table.flights.tail(20)
    with pytest.raises(BadValueError, match="past flights tell departures, and the model predicts arrivals"):
        predictor.predict(flights, past=table.flights)
    given = predictor.predict(flights, past=toward(table, Target.ARRIVAL))
    assert len(given.late_probability) == 20


def test_a_champion_of_departures_is_no_rival_of_a_model_of_arrivals(
    table: FlightTable, made_registry: Path, tmp_path: Path
) -> None:
    import shutil

    registry = shutil.copytree(made_registry, tmp_path / "models")
    stored = Registry(registry)
    (listed,) = stored.versions()
    now = datetime(2026, 1, 3, tzinfo=UTC)
    promote(stored, listed.version, now, try_out=Predictor, force=True)
    training = train(table, registry=str(registry), now=datetime(2026, 1, 4, tzinfo=UTC), options=ARRIVALS)
    finding = next(finding for finding in training.findings if finding.number == 2)
    assert not finding.passed
    assert "not compared with the champion" in finding.sentence


def test_who_expects_the_other_delay_is_refused(bundle: Bundle, made_bundle: Bundle) -> None:
    require_target(bundle, "arrival")
    require_target(bundle, None)
    with pytest.raises(BundleError, match="it predicts the delay of arrival; expected that of departure"):
        require_target(bundle, "departure")
    with pytest.raises(BundleError, match="train one with --target arrival"):
        require_target(made_bundle, "arrival")


def test_a_table_without_arrivals_is_refused_before_anything_is_learnt(made_flights: pl.DataFrame) -> None:
    from flights_made import as_flight_table

    with pytest.raises(TableError, match="tells no arrivals"):
        learnable(as_flight_table(made_flights), Options(target="arrival"))


def test_the_commands_say_and_check_what_is_predicted(
    registry: Path, table: FlightTable, tmp_path: Path
) -> None:
    from click.testing import CliRunner

    from puntual.cli import main

    (tmp_path / "map.toml").write_text(
        "[flights]\n"
        + "".join(f'{name} = "{name}"\n' for name in ("airline", "flight_number", "origin", "destination"))
        + 'scheduled_departure = "scheduled_departure"\nscheduled_arrival = "scheduled_arrival"\n'
        + '[operation]\ndeparted = "departed"\ncancelled = "cancelled"\narrived = "arrived"\ndiverted = "diverted"\n'
    )
    both = table.flights.with_columns(arrived=table.arrived, diverted=table.diverted)
    both.write_parquet(tmp_path / "flights.parquet")
    which = next(registry.glob("*.puntual"))
    source = ["--source", "table", "--map", str(tmp_path / "map.toml")]
    scored = [
        *source,
        "--data",
        str(tmp_path / "flights.parquet"),
        "--from",
        "2023-04-22",
        "--bundle",
        str(which),
    ]
    evaluated = CliRunner().invoke(main, ["evaluate", *scored, "--target", "arrival", "--json"])
    assert evaluated.exit_code == 0, evaluated.output
    assert '"target":"arrival"' in evaluated.stdout
    refused = CliRunner().invoke(main, ["evaluate", *scored, "--target", "departure"])
    assert refused.exit_code == 1
    assert "it predicts the delay of arrival; expected that of departure" in refused.stderr
    asked, out = tmp_path / "asked.parquet", tmp_path / "out.json"
    both.tail(5).drop("departed", "cancelled", "arrived", "diverted").write_parquet(asked)
    words = [str(asked), "-o", str(out), "--bundle", str(which), "--target", "arrival"]
    for past in ([], ["--past", str(tmp_path / "flights.parquet")]):
        predicted = CliRunner().invoke(main, ["predict", *words, *past])
        assert predicted.exit_code == 0, predicted.output
