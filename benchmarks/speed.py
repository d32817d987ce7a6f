"""How fast: importing, loading, featurising, predicting in batches, each beside something bare."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.report import Promise, in_turns, ratio, seconds
from puntual.prediction.predictor import Predictor
from puntual.registry import from_bytes, read
from puntual.sources import read_flights
from puntual.sources.flight_table import FlightTable
from puntual.sources.nyc import package_folder
from puntual.training.candidates import parse_candidates
from puntual.training.dataset import Dataset
from puntual.training.experiment import Options, experiments, learnable
from puntual.training.selection import compare

ROUNDS = 5


def import_time() -> Iterator[str]:
    """Time `import puntual` inside a fresh interpreter, without the interpreter's own start."""
    code = "from time import perf_counter as t; s = t(); import puntual; print((t() - s) * 1000)"
    timings = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(2 * ROUNDS)]
    yield Promise("import puntual", 50, at_least=False, unit="ms").line(timings)


def loading(bundle: Path) -> Iterator[str]:
    """Load a bundle until it could answer, beside reading its bytes alone; the first load is not counted."""
    mine, theirs = in_turns(ROUNDS, lambda: Predictor(read(bundle)), bundle.read_bytes)
    timings = [one * 1000 for one in mine]
    yield Promise("a bundle loads", 300, at_least=False, unit="ms").line(
        timings, ratio(mine, theirs, "reading its bytes")
    )
    content = bundle.read_bytes()
    alone, decoding = in_turns(ROUNDS, lambda: from_bytes(content, bundle.name), bundle.read_bytes)
    yield Promise("its archive is read", 100, at_least=False, unit="ms").line(
        [one * 1000 for one in alone], ratio(alone, decoding, "reading its bytes")
    )
    code = (
        "from time import perf_counter as t; import sys; from pathlib import Path; s = t();"
        "from puntual.registry import read; from puntual.prediction.predictor import Predictor;"
        "m = t(); Predictor(read(Path(sys.argv[1]))); print((t() - m) * 1000)"
    )
    cold = [float(subprocess.check_output([sys.executable, "-c", code, str(bundle)])) for _ in range(ROUNDS)]
    yield Promise("a bundle loads in a fresh process", 300, at_least=False, unit="ms").line(cold)


def featurising() -> Iterator[str]:
    """Featurise 336,776 flights, alone and after reading them, beside reading their CSV alone."""

    def featurise(table: FlightTable) -> None:
        rows = np.arange(table.flights.height)
        Dataset(table.flights, table.late_rule).learn(rows).full(rows)

    def ours() -> None:
        featurise(read_flights("nyc"))

    folder = package_folder()
    assert folder is not None
    packed = folder / "flights.csv.zip"
    import zipfile

    def bare() -> None:
        with zipfile.ZipFile(packed) as archive:
            pl.read_csv(archive.read(archive.namelist()[0]), null_values=["NA"], infer_schema_length=100_000)

    mine, theirs = in_turns(3, ours, bare)
    promise = Promise("reading and featurising 336,776 flights", 6, at_least=False, unit="s")
    yield promise.line(mine, ratio(mine, theirs, "reading the CSV"))
    flights = read_flights("nyc")
    alone = [seconds(lambda: featurise(flights)) for _ in range(3)]
    yield Promise("featurising 336,776 flights", 2, at_least=False, unit="s").line(alone)


def batches(bundle: Path) -> Iterator[str]:
    """Predict a year of New York in one batch, beside the bare model on vectors made before."""
    predictor = Predictor(read(bundle))
    flights = read_flights("nyc").flights
    matrix = predictor.vectors_of(flights, timetable_of=flights)
    mine, theirs = in_turns(3, lambda: predictor.predict(flights), lambda: predictor.bands(matrix))
    rates = [flights.height / one for one in mine]
    promise = Promise("batch prediction", 136_000, at_least=True, unit="flights/s")
    yield promise.line(rates, ratio(mine, theirs, "the model on ready vectors"))


def one_candidate() -> Iterator[str]:
    """Read, featurise, fit, calibrate, convert, prove and score one LightGBM candidate on New York."""

    def work() -> None:
        dataset, _ = learnable(read_flights("nyc"), Options())
        experiment, _ = experiments(dataset, Options())
        compare(experiment, parse_candidates("lightgbm:none"), lambda _: None)

    timings = [seconds(work) for _ in range(2)]
    yield Promise("one LightGBM candidate end to end", 30, at_least=False, unit="s").line(timings)
