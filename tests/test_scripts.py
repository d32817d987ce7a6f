"""The two scripts of the original layout do what the commands do."""

import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest

from flights_made import make_flights
from puntual.registry import Registry

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "src"
MAP = """
[flights]
airline = "airline"
flight_number = "flight_number"
origin = "origin"
destination = "destination"
scheduled_departure = "scheduled_departure"

[operation]
departed = "departed"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    flights = make_flights(days=40).filter(~pl.col("cancelled"))
    flights.select(
        "airline", "flight_number", "origin", "destination", "scheduled_departure", "departed"
    ).write_csv(tmp_path / "flights.csv", datetime_format="%Y-%m-%d %H:%M")
    (tmp_path / "map.toml").write_text(MAP)
    return tmp_path


def run(*words: str, folder: Path) -> str:
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_training_script_puts_a_bundle_into_the_registry(folder):
    options = ("--source", "table", "--data", "flights.csv", "--map", "map.toml")
    run(
        str(SCRIPTS / "train.py"),
        *options,
        "--candidates",
        "logistic:none",
        "--no-backtest",
        "--no-live",
        folder=folder,
    )
    (listed,) = Registry(folder / "models").versions()
    bundle = Registry(folder / "models").read(listed.version)
    assert bundle.manifest.source == "table"
    assert "    puntual train --source table --data flights.csv" in bundle.card


def test_the_prediction_script_writes_what_the_command_writes(made_registry, tmp_path):
    (bundle,) = made_registry.glob("*.puntual")
    names = ("airline", "flight_number", "origin", "destination", "scheduled_departure")
    make_flights(days=1).select(names).write_csv(tmp_path / "tomorrow.csv")
    options = ("tomorrow.csv", "--bundle", str(bundle), "--as-of", "2023-01-01", "-o")
    run(str(SCRIPTS / "predict.py"), *options, "script.csv", folder=tmp_path)
    run("-m", "puntual", "predict", *options, "command.csv", folder=tmp_path)
    assert (tmp_path / "script.csv").read_bytes() == (tmp_path / "command.csv").read_bytes()
    assert pl.read_csv(tmp_path / "script.csv").height == 30


def test_the_wheel_holds_the_package_alone():
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["packages"] == ["src/puntual"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("train.py", ("--source", "scl", "--data", "nowhere.csv")),
        ("predict.py", ("nowhere.csv", "-o", "x.csv")),
    ],
)
def test_what_keeps_a_script_from_its_work_is_one_message(script, words, tmp_path):
    command = [sys.executable, str(SCRIPTS / script), *words]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("Error: "), "Traceback" in ended.stderr) == (1, 1, False)
