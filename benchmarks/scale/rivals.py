"""Puntual beside others at the same task: from a CSV to sixty-day rates and congestion, equal on a sample."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.report import Promise
from benchmarks.scale.agreement import largest_difference
from benchmarks.scale.bench import Bench
from benchmarks.scale.pandas_rival import featurise
from benchmarks.scale.runs import Cost, FailedError, run, run_command
from benchmarks.scale.spark_environment import NoSparkError, spark_python

_AIRPORTS = 30
# Rates and delays lie on a binary grid, whose next number is 2**-12 away.
TOLERANCE = 2.0**-12
_SCRIPT = Path(__file__).with_name("spark_rival.py")


def pandas(bench: Bench) -> Iterator[str]:
    """Hold a pipeline of pandas and scikit-learn against Puntual."""
    table = bench.csv(bench.wanted.rival_rows, _AIRPORTS)
    yield from _beside(bench, "pandas", 10, lambda: run("pandas", table), lambda: featurise(table))


def spark(bench: Bench) -> Iterator[str]:
    """Hold Spark on this machine against Puntual."""
    try:
        python = spark_python()
    except NoSparkError as reason:
        raise FailedError(str(reason)) from reason
    command = [str(python), str(_SCRIPT), str(bench.csv(bench.wanted.rival_rows, _AIRPORTS))]
    sample = bench.wanted.folder / "spark-sample"
    yield from _beside(bench, "spark", 3, lambda: run_command(command), lambda: _sampled(command, sample))


def _beside(
    bench: Bench,
    name: str,
    goal: float,
    work: Callable[[], Cost],
    sample: Callable[[], pd.DataFrame],
) -> Iterator[str]:
    """Time a rival and Puntual, then see that they get the same; add the ratio to the results."""
    size = f"{bench.wanted.rival_rows}x{_AIRPORTS}"
    table = bench.csv(bench.wanted.rival_rows, _AIRPORTS)
    costs = []
    for part, timed in (("featurise_csv", lambda: run("featurise", table)), (name, work)):
        cost = None if bench.wanted.again else bench.results.cost(part, size)
        if cost is None:
            cost = timed()
            bench.results.note(part, size, cost)
            yield f"       {part} {cost.rows:,} flights: {cost.seconds:.1f} s, peak {cost.peak_bytes / 1e9:.2f} GB"
        costs.append(cost)
    ours, theirs = costs
    difference = bench.results.figure(f"{name}_largest_difference")
    if difference is None or bench.wanted.again:
        difference = largest_difference(sample(), table)
        bench.results.note_figures(**{f"{name}_largest_difference": difference})
    if difference > TOLERANCE:
        yield f"MISSED  {name} gets other features than Puntual: they differ by up to {difference:g}"
    ratio = theirs.seconds / ours.seconds
    bench.results.note_figures(**{f"ratio_{name}": ratio})
    line = Promise(f"features of {ours.rows:,} flights, times faster than {name}", goal, at_least=True)
    yield line.line(
        [ratio],
        f"; {ours.seconds:.1f} against {theirs.seconds:.1f} s, equal on a sample to {difference:.1g}",
    )


def _sampled(command: list[str], folder: Path) -> pd.DataFrame:
    """Let Spark write a sample, and read it."""
    shutil.rmtree(folder, ignore_errors=True)
    ended = subprocess.run([*command, str(folder)], check=False, capture_output=True, text=True)
    if ended.returncode:
        raise FailedError(f"Spark wrote no sample: {ended.stderr[-800:]}")
    made = pd.concat([pd.read_csv(part) for part in sorted(folder.glob("part-*.csv"))])
    return made.assign(date=pd.to_datetime(made["date"], unit="D"))
