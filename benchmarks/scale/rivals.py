"""Puntual beside others at the same task: from a CSV to sixty-day rates and congestion, equal on a sample."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from benchmarks.report import Promise
from benchmarks.scale.agreement import largest_difference
from benchmarks.scale.pandas_rival import featurise
from benchmarks.scale.runs import Cost, FailedError, run, run_command
from benchmarks.scale.spark_environment import NoSparkError, spark_python
from benchmarks.scale.tables import write_table

_AIRPORTS = 30
# Rates and delays lie on a binary grid, whose next number is 2**-12 away.
TOLERANCE = 2.0**-12
_SCRIPT = Path(__file__).with_name("spark_rival.py")


def compare(folder: Path, flights: pl.DataFrame, rows: int, results: dict[str, Any]) -> Iterator[str]:
    """Check that each rival gets what Puntual gets, then time both; add one ratio for each to the results."""
    table = next(write_table(flights, folder / "rivals", rows, _AIRPORTS, form="csv").glob("*.csv"))
    ours = run("featurise", table)
    yield from _beside(
        "pandas", 10, ours, lambda: run("pandas", table), lambda: featurise(table), table, results
    )
    try:
        python = spark_python()
    except NoSparkError as reason:
        results["ratio_spark"] = None
        results["skipped"]["ratio_spark"] = str(reason)
        yield f"skipped Spark: {reason}"
        return
    command = [str(python), str(_SCRIPT), str(table)]
    sample = folder / "spark-sample"
    yield from _beside(
        "spark", 3, ours, lambda: run_command(command), lambda: _sampled(command, sample), table, results
    )


def _beside(
    name: str,
    goal: float,
    ours: Cost,
    work: Callable[[], Cost],
    sample: Callable[[], pd.DataFrame],
    table: Path,
    results: dict[str, Any],
) -> Iterator[str]:
    try:
        difference = largest_difference(sample(), table)
        if difference > TOLERANCE:
            yield f"MISSED  {name} gets other features than Puntual: they differ by up to {difference:g}"
        theirs = work()
    except (FailedError, subprocess.CalledProcessError) as failure:
        results[f"ratio_{name}"] = None
        results["skipped"][f"ratio_{name}"] = str(failure)[:200]
        yield f"skipped {name}: {failure}"
        return
    results[f"ratio_{name}"] = theirs.seconds / ours.seconds
    results[f"{name}_seconds"], results[f"{name}_peak_bytes"] = theirs.seconds, theirs.peak_bytes
    results[f"{name}_largest_difference"] = difference
    line = Promise(f"features of {ours.rows:,} flights, times faster than {name}", goal, at_least=True)
    yield line.line(
        [theirs.seconds / ours.seconds],
        f"; {ours.seconds:.1f} against {theirs.seconds:.1f} s, equal on a sample to {difference:.1g}",
    )


def _sampled(command: list[str], folder: Path) -> pd.DataFrame:
    """Let Spark write a sample, and read it."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([*command, str(folder)], check=True, capture_output=True)
    made = pd.concat([pd.read_csv(part) for part in sorted(folder.glob("part-*.csv"))])
    return made.assign(date=pd.to_datetime(made["date"], unit="D"))


if __name__ == "__main__":
    print(json.dumps({"difference": largest_difference(featurise(Path(sys.argv[1])), Path(sys.argv[1]))}))
