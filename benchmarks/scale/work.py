"""The work whose cost is measured, each in a process of its own: `python -m benchmarks.scale.work NAME TABLE`.

What is printed is one JSON object: rows, seconds, and seconds of the processors, which others at work do not stretch.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np

CANDIDATE = "lightgbm:none"


def featurise(table: Path) -> int:
    """Read a table and make all its vectors, which go where training keeps them."""
    from puntual.sources import read_flights
    from puntual.training.dataset import Dataset

    flights = read_flights("nyc", table)
    rows = np.arange(flights.flights.height)
    matrix = Dataset(flights.flights, flights.late_rule).learn(rows).full(rows)
    return len(matrix)


def train(table: Path, *words: str) -> int:
    """Train one boosted candidate, as `puntual train` does; `rows=N` bounds what is fitted."""
    from puntual.training.table_in_pieces import read_to_learn
    from puntual.training.train import Options
    from puntual.training.train import train as train_on

    rows = next((int(word.removeprefix("rows=")) for word in words if word.startswith("rows=")), None)
    options = Options(candidates=CANDIDATE, backtest="backtest" in words, live="live" in words, rows=rows)
    registry = next((word.removeprefix("registry=") for word in words if word.startswith("registry=")), "")
    with tempfile.TemporaryDirectory() as folder:
        flights, prepared = read_to_learn("nyc", table, None, None, options)
        train_on(
            flights, registry=registry or folder, now=datetime.now(UTC), options=options, prepared=prepared
        )
    return flights.rows


def score(table: Path, *words: str) -> int:
    """Predict a table from file to file, as `puntual predict` does."""
    from puntual.cli import main

    bundle = next(Path(words[0]).glob("*.puntual"))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "predictions.parquet"
        main(["predict", str(table), "-o", str(output), "--bundle", str(bundle)], standalone_mode=False)
        import polars as pl

        return int(pl.scan_parquet(output).select(pl.len()).collect().item())


def evaluate(table: Path, *words: str) -> int:
    """Score a bundle on a table, as `puntual evaluate` does."""
    from puntual.cli import main

    bundle = next(Path(words[0]).glob("*.puntual"))
    main(
        ["evaluate", "--source", "nyc", "--data", str(table), "--bundle", str(bundle)], standalone_mode=False
    )
    import polars as pl

    return int(pl.scan_parquet(table / "*.parquet").select(pl.len()).collect().item())


def spread(table: Path, cluster: str) -> int:
    """Write the vectors of a table by the workers of a cluster, as `puntual features` does."""
    from puntual.cli import main

    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "vectors"
        words = ["features", "--source", "nyc", "--data", str(table), "-o", str(output), "--cluster", cluster]
        main(words, standalone_mode=False)
        import polars as pl

        return int(pl.scan_parquet(output / "**/*.parquet").select(pl.len()).collect().item())


def pandas(table: Path) -> int:
    """Work out the same as the pipeline of pandas and scikit-learn does."""
    from benchmarks.scale.pandas_rival import featurise as featurise_by_pandas

    return len(featurise_by_pandas(table))


WORK: dict[str, Callable[..., int]] = {
    "featurise": featurise,
    "train": train,
    "score": score,
    "evaluate": evaluate,
    "spread": spread,
    "pandas": pandas,
}


@contextmanager
def _silent() -> Iterator[None]:
    """Let what is printed meanwhile go to standard error, so that one object alone is on standard output."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)


if __name__ == "__main__":
    name, place, *rest = sys.argv[1:]
    begun, used = perf_counter(), os.times()
    with _silent():
        done = WORK[name](Path(place), *rest)
    # With those of workers that have ended.
    busy = sum(os.times()[:4]) - sum(used[:4])
    print(json.dumps({"rows": done, "seconds": perf_counter() - begun, "processor_seconds": busy}))
