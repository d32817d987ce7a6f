"""Few modules see a table's flights on their way to a bundle, and the map names what decides there."""

import os
import re
import subprocess
import sys

import polars as pl
import pytest

from benchmarks.request_trace import KINDS
from benchmarks.training_trace import DECIDING, WAY, room_of
from flights_made import make_flights
from test_architecture import PAGE
from test_docs import ROOT

# What is known as the day unfolds takes ten of them, of which five decide; trees read for the kernel and fits side by
# side take four more.
AT_MOST, DECIDING_AT_MOST = 60, 27
# In a process of its own, where nothing of ours was loaded before.
TRACED = """
import sys
from benchmarks.training_trace import main
from experiments_made import few_live_trees

with few_live_trees():
    main(*sys.argv[1:])
"""
MAP = """
[flights]
airline = { column = "airline" }
flight_number = { column = "flight_number" }
origin = { column = "origin" }
destination = { column = "destination" }
scheduled_departure = { column = "scheduled_departure" }

[operation]
delay_minutes = { column = "delay" }
cancelled = { column = "cancelled" }
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules that see the flights of sixty made days, read from a table of their own and trained with as usual."""
    folder = tmp_path_factory.mktemp("traced")
    flights, map_file = folder / "flights.csv", folder / "map.toml"
    delay = (pl.col("departed") - pl.col("scheduled_departure")).dt.total_minutes()
    named = ("airline", "flight_number", "origin", "destination", "scheduled_departure", "cancelled")
    make_flights(days=60, per_day=12).select(*named, delay=delay).write_csv(flights)
    map_file.write_text(MAP, encoding="utf-8")
    command = [sys.executable, "-c", TRACED, "table", str(flights), str(map_file)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    traced = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"^(puntual\.[\w.]+) ", traced, re.MULTILINE))


def on_the_way(modules: set[str]) -> set[str]:
    return {module for module in modules if room_of(module) in WAY}


def test_few_modules_see_the_flights(modules: set[str]) -> None:
    assert len(on_the_way(modules)) <= AT_MOST


def test_few_modules_decide_what_is_learnt_and_how_good_it_is(modules: set[str]) -> None:
    assert sum(room_of(module) in DECIDING for module in modules) <= DECIDING_AT_MOST


def test_the_trace_sees_the_whole_way(modules: set[str]) -> None:
    assert set(map(room_of, modules)) >= WAY
    assert {"puntual.features.history", "puntual.features.calendar"} <= modules & KINDS
    assert {"puntual.training.ablation", "puntual.registry.archive"} <= modules
    assert {"puntual.training.live_plan", "puntual.training.horizon_scores"} <= modules


def test_every_step_on_the_map_that_any_table_takes_is_seen(modules: set[str]) -> None:
    way = PAGE.read_text(encoding="utf-8").partition("## From a table's row to a bundle")[2]
    steps = {step.replace("/", ".") for step in re.findall(r"`src/([\w/]+)\.py`", way)}
    # Santiago's table stands on the map as an example of a source.
    assert steps - {"puntual.sources.scl"} <= modules
