"""The commands of the guide's page about clusters, run one after another on worker processes of this machine."""

import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cluster_made import MAP
from puntual.registry import Registry
from test_docs import ROOT, command_lines

PAGE = ROOT / "docs" / "guide" / "scale.md"
NAMES = ("airline", "flight_number", "origin", "destination", "scheduled_departure", "departed", "cancelled")


@pytest.fixture
def folder(elsewhere: Path, made_flights: pl.DataFrame) -> Path:
    """What the page names: flights in two files with their map, coming flights, and past ones."""
    (elsewhere / "flights").mkdir()
    # Of three months, the last of which has two days.
    flights = made_flights[:1800]
    flights[:1000].write_parquet("flights/1.parquet")
    flights[1000:].write_parquet("flights/2.parquet")
    (elsewhere / "map.toml").write_text(MAP)
    flights[1700:].select(NAMES[:5]).write_csv("coming.csv")
    flights[:1700].select(NAMES).write_csv("past.csv")
    return elsewhere


def run(line: str) -> str:
    """Run a command of the page."""
    program, *words = shlex.split(line)
    assert program == "puntual"
    done = subprocess.run(
        [sys.executable, "-m", program, *words], capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "dashboard: http://127.0.0.1:" in done.stderr
    return done.stdout


def test_the_commands_of_the_page_do_what_it_says(folder: Path) -> None:
    features, train, evaluate, predict = command_lines(PAGE)
    run(features)
    assert len(list((folder / "vectors").rglob("*.parquet"))) == 6
    run(train)
    registry = Registry("models")
    (version,) = (listed.version for listed in registry.versions())
    # Promoting it is a step of its own.
    registry.set_champion(version, datetime(2026, 1, 2, tzinfo=UTC), previous=None)
    assert "log loss" in run(evaluate)
    run(predict)
    numbers = [pl.read_csv(name)["flight_number"].to_list() for name in ("predictions.csv", "coming.csv")]
    assert numbers[0] == numbers[1]
    assert not [path.name for path in folder.iterdir() if path.name.endswith(".parts")]
