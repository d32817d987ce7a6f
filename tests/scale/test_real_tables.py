"""Months of New York and of Seattle, both ways, through a scheduler and two workers, of which one is killed.

`make test` takes those up to the spring's change of clocks, `make soak` the whole years.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from cluster_made import processes, same_bits, wait_until
from puntual.sources import read_flights
from puntual.training.experiment import Options
from puntual.training.feature_table import write_features
from real_tables import FOLDER

TABLES = {
    "new york": (FOLDER / "nyc2017_flights.parquet", "day"),
    "seattle": (FOLDER / "sea2015_both_ways_flights.parquet", "60"),
}
MONTHS = int(os.environ.get("TEST_MONTHS", "3"))


@pytest.mark.parametrize(("path", "horizons"), TABLES.values(), ids=TABLES)
def test_a_real_table_has_the_same_bits_though_a_worker_is_killed(
    path: Path, horizons: str, tmp_path: Path
) -> None:
    if not path.is_file():
        pytest.skip(f"{path.name} is not there")
    table = tmp_path / path.name
    pl.scan_parquet(path).filter(pl.col("month") <= MONTHS).sink_parquet(table)
    with processes(tmp_path) as started:
        words = [
            "--source",
            "nyc",
            "--data",
            str(table),
            "--horizons",
            horizons,
            "--cluster",
            started.address,
        ]
        command = subprocess.Popen(
            [sys.executable, "-m", "puntual", "features", *words, "-o", str(tmp_path / "ours")],
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: any(tmp_path.glob(".ours.*.parts/results/part/*")), seconds=300)
        started.workers[1].send_signal(signal.SIGKILL)
        _, error = command.communicate(timeout=550)
        assert command.returncode == 0, error
    write_features(read_flights("nyc", table), tmp_path / "theirs", Options(), tuple(horizons.split(",")))
    same_bits(tmp_path / "ours", tmp_path / "theirs")
