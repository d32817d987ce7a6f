"""Scores as the day unfolds, from the command line."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from experiments_made import few_live_trees
from flights_made import as_flight_table, make_flights
from puntual.cli import main
from puntual.prediction.predictor import Predictor
from puntual.registry import Registry
from puntual.training.bundle_scores import score_bundle
from puntual.training.train import Options, train

HORIZONS = ("day", "360", "120", "60", "30")


def table_with_slow_days() -> pl.DataFrame:
    """Made flights by nine aircraft, of which all that leave after nine of every third day are an hour late."""
    made = make_flights(days=90, per_day=40)
    scheduled = pl.col("scheduled_departure")
    slow = (scheduled.dt.ordinal_day() % 3 == 0) & (scheduled.dt.hour() >= 9)
    late = pl.when(slow).then(pl.col("departed") + pl.duration(hours=1)).otherwise("departed")
    aircraft = "N" + (pl.col("flight_number").cast(pl.Int64) % 9).cast(pl.String)
    return made.with_columns(departed=late, tail=aircraft)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("live")
    table = as_flight_table(table_with_slow_days())
    options = Options(candidates="lightgbm:none", backtest=False)
    with few_live_trees():
        training = train(table, registry=str(folder), now=datetime(2026, 1, 2, tzinfo=UTC), options=options)
    return folder, training, table


def test_a_bundle_scores_each_horizon_as_its_training_did(trained) -> None:
    folder, training, table = trained
    bundle = Registry(folder).read(training.version)
    scored = score_bundle(bundle, table, split_test=True, horizons=HORIZONS)
    for name, one in zip(HORIZONS, training.horizons, strict=True):
        assert scored.horizons[name].log_loss.value == pytest.approx(one.scores.log_loss.value, abs=1e-6)
        assert scored.gone[name] == one.gone
    assert scored.horizons["60"].roc_auc.value > scored.horizons["day"].roc_auc.value + 0.02
    assert Predictor(bundle).live_states


def test_knowing_more_never_made_it_worse_on_validation(trained) -> None:
    _, training, _ = trained
    assert training.horizons[0].state == "history"
    assert training.horizons[-1].state == "live_30"


def test_log_losses_fall_with_the_horizon_on_the_test(trained) -> None:
    _, training, _ = trained
    first, *gains = [one.gain for one in training.horizons]
    assert first is None
    # No step is shown to have made it worse, and what an hour ahead knows is shown to be better.
    assert all(gain.low <= 0 for gain in gains)
    assert any(gain.high < 0 for gain in gains)
    assert sum(gain.value for gain in gains) < 0


def test_flights_gone_at_a_cut_off_are_left_out_and_counted(trained) -> None:
    folder, training, table = trained
    bundle = Registry(folder).read(training.version)
    flights = table.flights
    early = pl.int_range(pl.len()) % 50 == 49
    left = pl.when(early).then(pl.col("scheduled_departure") - timedelta(minutes=90)).otherwise("departed")
    changed = as_flight_table(flights.with_columns(departed=left, cancelled=pl.col("cancelled") & ~early))
    scored = score_bundle(bundle, changed, horizons=("120", "60"))
    assert (scored.gone["120"], scored.gone["60"]) == (0, flights.height // 50)
    assert scored.horizons["60"].flights == flights.height - flights.height // 50


def test_hidden_tails_and_weather_change_nothing_where_there_are_none(trained) -> None:
    folder, training, table = trained
    bundle = Registry(folder).read(training.version)
    bare = as_flight_table(table.flights.with_columns(tail=pl.lit(None, pl.String)))
    shown = score_bundle(bundle, bare, split_test=True, horizons=("60",))
    hidden = score_bundle(bundle, bare, split_test=True, horizons=("60",), without=("tails", "weather"))
    assert shown.horizons == hidden.horizons


def write(folder: Path, flights: pl.DataFrame) -> tuple[Path, Path]:
    flights.write_csv(folder / "mine.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    names = ("airline", "flight_number", "origin", "destination", "scheduled_departure", "tail")
    lines = ["[flights]", *(f'{name} = "{name}"' for name in names), "[operation]", 'departed = "departed"']
    (folder / "map.toml").write_text("\n".join([*lines, 'cancelled = "cancelled"']))
    return folder / "mine.csv", folder / "map.toml"


def run(*arguments: str):
    return CliRunner().invoke(main, ["evaluate", *arguments])


def test_the_command_prints_the_same_keys_for_each_horizon(trained, tmp_path: Path) -> None:
    folder, training, table = trained
    data, table_map = write(tmp_path, table.flights)
    where = ("--bundle", training.version, "--registry", str(folder), "--source", "table")
    done = run(
        *where, "--data", str(data), "--map", str(table_map), "--horizons", ",".join(HORIZONS), "--json"
    )
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert list(printed["horizons"]) == list(HORIZONS)
    single = set(printed) - {"bundle", "target", "states", "trained_on", "horizons"}
    assert all(set(at) == single | {"gone"} for at in printed["horizons"].values())
    assert printed["horizons"]["day"]["roc_auc"] == printed["roc_auc"]


def test_the_command_hides_tails_and_weather(trained, tmp_path: Path) -> None:
    folder, training, table = trained
    data, table_map = write(tmp_path, table.flights)
    where = ("--bundle", training.version, "--registry", str(folder), "--source", "table")
    words = (*where, "--data", str(data), "--map", str(table_map), "--horizons", "60", "--json")
    shown, hidden = (
        json.loads(run(*words, *more).stdout)["horizons"]["60"]
        for more in ((), ("--without", "tails,weather"))
    )
    assert hidden["flights"] == shown["flights"]
    # Aircraft come round on the day, so what is known without them is less.
    assert hidden["log_loss"] != shown["log_loss"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--horizons", "day,soon", "'soon' is no horizon; expected day, or minutes from 1 to 1080"),
        ("--horizons", "2000", "'2000' is no horizon"),
        ("--without", "rain", "'rain' cannot be hidden; expected tails or weather"),
    ],
)
def test_what_is_no_horizon_is_refused(option: str, value: str, message: str) -> None:
    done = run("--source", "nyc", option, value)
    assert done.exit_code == 2
    assert message in " ".join(done.output.replace("│", " ").split())


def test_flights_that_are_not_picked_tell_of_themselves_all_the_same(trained) -> None:
    folder, training, table = trained
    bundle = Registry(folder).read(training.version)
    newark = pl.col("origin") == "EWR"
    start = table.flights["scheduled_departure"][-400]
    picked = score_bundle(bundle, table, start=start, horizons=("60",), only=newark).horizons["60"]
    all_flights = score_bundle(bundle, table, start=start, horizons=("60",)).horizons["60"]
    assert 30 <= picked.flights < all_flights.flights
    elsewhere = replace(table, flights=table.flights.filter(newark))
    alone = score_bundle(bundle, elsewhere, start=start, horizons=("60",)).horizons["60"]
    assert alone.flights == picked.flights and alone.log_loss.value != picked.log_loss.value
