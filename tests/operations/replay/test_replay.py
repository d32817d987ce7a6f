"""A past day is played through the API, and what it answers is what training's own vectors give, bit for bit."""

import json
import shutil
import socket
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from api.live.unfolding import LATE_DAY, unfolding_flights, unfolding_registry
from flights_made import as_flight_table
from puntual.cli import main
from puntual.errors import NoAnswerError, ReplayError
from puntual.features.from_frame import keys_of
from puntual.flights.flight import LateRule
from puntual.operations.replay import Replayed, connect, prepare_day, replay, start
from puntual.operations.replay.play import require_unseen
from puntual.operations.replay.played_day import HORIZONS
from puntual.prediction.predictor import Predictor
from puntual.training.live_vectors import LiveFlights

__all__ = ["unfolding_registry"]
FLIGHTS = unfolding_flights()
MAP = """
[flights]
origin = "origin"
destination = "destination"
scheduled_departure = "scheduled_departure"
airline = "airline"
flight_number = "flight_number"
tail = "tail"
[operation]
departed = "departed"
cancelled = "cancelled"
"""


@pytest.fixture(scope="module")
def registry(unfolding_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("replay") / "models"
    shutil.copytree(unfolding_registry, folder)
    return folder


@pytest.fixture(scope="module")
def version(registry: Path) -> str:
    (bundle,) = registry.glob("*.puntual")
    return bundle.stem


@pytest.fixture(scope="module")
def result(registry: Path, version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    with start(str(registry), version, tmp_path_factory.mktemp("state")) as service:
        model = service.model()
        played = prepare_day(as_flight_table(FLIGHTS), LATE_DAY, model.late_rule, model.history_until)
        yield replay(played, service, model, lambda *_: None)


def test_each_answer_is_that_of_training_s_own_vectors(
    result: Replayed, registry: Path, version: str
) -> None:
    predictor = Predictor.load(str(registry), version)
    past = LiveFlights(keys_of(FLIGHTS), FLIGHTS, LateRule.FROM_15)
    first = int(np.flatnonzero((FLIGHTS["scheduled_departure"].dt.date() == LATE_DAY).to_numpy())[0])
    live = 0
    for horizon, answers in result.predictions.items():
        for row, answer in answers.items():
            flight = FLIGHTS[first + row]
            columns, as_of = None, flight["scheduled_departure"][0]
            if horizon != "day":
                as_of -= timedelta(minutes=int(horizon))
            if answer.state == "live":
                columns = past.columns(np.array([first + row]), int(horizon), predictor.turns)
                live += 1
            offline = predictor.predict(flight, as_of, past=FLIGHTS, timetable_of=FLIGHTS, live=columns)
            assert list(answer.bands.values()) == offline.bands[0].tolist(), (horizon, flight)
            assert answer.history_until == min(LATE_DAY, as_of.date()) - timedelta(days=1)
    assert live > 60 and {answer.state for answer in result.predictions["day"].values()} == {"history"}


def test_a_late_day_is_seen_to_be_one_as_it_unfolds(result: Replayed) -> None:
    means = {
        horizon: np.mean([answer.late_probability for answer in answers.values()])
        for horizon, answers in result.predictions.items()
    }
    assert list(means) == list(HORIZONS)
    assert means["30"] > means["day"] + 0.1
    assert result.refused == 0


def test_another_service_answers_the_same_and_one_that_knows_the_day_already_is_refused(
    result: Replayed, registry: Path, version: str, tmp_path: Path
) -> None:
    with start(str(registry), version, tmp_path) as service:
        model = service.model()
        assert replay(result.played, service, model, lambda *_: None).predictions == result.predictions
        with pytest.raises(ReplayError, match="knows what became of flights of 2023-03-24"):
            replay(result.played, service, model, lambda *_: None)


def test_a_model_that_knows_the_day_is_refused(result: Replayed) -> None:
    require_unseen(result.model, LATE_DAY)
    with pytest.raises(ReplayError, match=r"--until 2023-03-20.*--seen"):
        require_unseen(result.model, date(2023, 3, 20))


def test_a_connection_that_was_idle_for_too_long_is_made_anew(
    registry: Path, version: str, tmp_path: Path
) -> None:
    with start(str(registry), version, tmp_path) as service:
        service.model()
        assert service._connection.sock is not None
        service._connection.sock.shutdown(socket.SHUT_RDWR)
        assert service.model().version == version


def test_a_service_that_is_not_there_is_named() -> None:
    with pytest.raises(NoAnswerError, match=r"127\.0\.0\.1:9/models/champion does not answer"):
        connect("http://127.0.0.1:9")
    with pytest.raises(NoAnswerError, match="is no address"):
        connect("tower")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    (folder / "map.toml").write_text(MAP)
    FLIGHTS.with_columns(pl.col("scheduled_departure", "departed").dt.strftime("%Y-%m-%d %H:%M")).write_csv(
        folder / "flights.csv"
    )
    return folder


def run(registry: Path, table: Path, *words: str) -> Result:
    (bundle,) = registry.glob("*.puntual")
    command = [
        "replay",
        "--source",
        "table",
        "--data",
        str(table / "flights.csv"),
        "--registry",
        str(registry),
    ]
    command += ["--map", str(table / "map.toml"), "--bundle", bundle.stem, *words]
    return CliRunner().invoke(main, command)


def test_the_command_prints_json_and_tables(registry: Path, table: Path, result: Replayed) -> None:
    printed = run(registry, table, "--day", str(LATE_DAY), "--json")
    played = json.loads(printed.stdout)
    assert (played["day"], list(played["horizons"])) == (str(LATE_DAY), list(HORIZONS))
    first = played["flights"][0]
    assert first["predictions"]["30"]["late_probability"] == result.predictions["30"][0].late_probability
    assert first["delay_minutes"] == result.played.outcomes.delay[0]
    shown = run(registry, table, "--day", str(LATE_DAY), "--speed", "1e9").stdout
    assert f"{LATE_DAY}: 30 flights" in shown and "roc auc" in shown and "day before" in shown


def test_the_command_refuses_a_day_of_training_unless_it_may_be_seen(registry: Path, table: Path) -> None:
    refused = run(registry, table, "--day", "2023-03-10")
    assert refused.exit_code == 1 and "so that it knows 2023-03-10" in refused.stderr
    seen = run(registry, table, "--day", "2023-03-10", "--seen", "--json")
    assert json.loads(seen.stdout)["horizons"]["day"]["flights"] == 30
