"""How good: the scores on flights after training, by the commands that a user would type."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import Promise

# The folder of the tables, as the tests know it.
SCL = Path(os.environ.get("TEST_DATA") or "data") / "dataset_SCL.csv"


def run(*words: str) -> dict[str, Any]:
    """Run a command of Puntual and read its JSON."""
    return json.loads(subprocess.check_output([sys.executable, "-m", "puntual", *words, "--json"]))


def scl(folder: Path) -> Iterator[str]:
    """Train on January to June, test on July to September; then the stratified split."""
    if not SCL.is_file():
        yield f"skipped SCL: {SCL.name} is not in data; TEST_DATA=FOLDER names another folder"
        return
    data = ("--source", "scl", "--data", str(SCL), "--registry", str(folder))
    version = run("train", *data, "--until", "2017-07-01", "--reports", str(folder))["version"]
    scores = run("evaluate", *data, "--bundle", version, "--from", "2017-07-01")
    yield Promise("SCL July to September, ROC AUC", 0.695, at_least=True).line([scores["roc_auc"]])
    yield Promise("SCL, average precision", 0.41, at_least=True).line([scores["average_precision"]])
    yield Promise("SCL, Brier", 0.153, at_least=False).line([scores["brier"]])
    yield Promise("SCL, ECE", 0.02, at_least=False).line([scores["ece"]])
    without = scores["states"]["timetable"]["roc_auc"]
    yield Promise("SCL without history, ROC AUC", 0.655, at_least=True).line([without])
    version = run("train", *data, "--split", "stratified", "--reports", str(folder))["version"]
    scores = run("evaluate", *data, "--bundle", version, "--split-test")
    yield Promise("SCL stratified, ROC AUC", 0.735, at_least=True).line([scores["roc_auc"]])


def nyc(folder: Path) -> Iterator[str]:
    """Compare all candidates on New York; the time and the memory are those of the whole process."""
    data = ("--source", "nyc", "--registry", str(folder))
    started = time.perf_counter()
    version = run("train", *data, "--until", "2013-10-01", "--reports", str(folder))["version"]
    minutes = (time.perf_counter() - started) / 60
    scores = run("evaluate", *data, "--bundle", version, "--from", "2013-10-01")
    yield Promise("New York October to December, ROC AUC", 0.70, at_least=True).line([scores["roc_auc"]])
    yield Promise("New York, ECE", 0.02, at_least=False).line([scores["ece"]])
    yield f"       (its training on January to September took {minutes:.1f} min)"


def whole_comparison(folder: Path) -> Iterator[str]:
    """Train on the whole year in a process of its own, whose time and memory the system tells."""
    words = ["train", "--source", "nyc", "--registry", str(folder), "--reports", str(folder), "--json"]
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, "-m", "puntual", *words], stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        yield f"MISSED  the whole comparison ended with status {status}"
        return
    minutes = (time.perf_counter() - started) / 60
    yield Promise("five candidates under three treatments", 8, at_least=False, unit="min").line([minutes])
    yield Promise("peak memory of the whole training", 2.5, at_least=False, unit="GB").line(
        [usage.ru_maxrss / 1e6]
    )
