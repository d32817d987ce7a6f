"""Few modules see a flight on its way through the service, and the map names them all."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.request_trace import KERNELS, KINDS, OTHERS
from test_architecture import PACKAGE, PAGE, definitions
from test_docs import ROOT

# The kernels are two of them.
AT_MOST, FORMS_AT_MOST = 15, 5
PAGE_TEXT = PAGE.read_text(encoding="utf-8")
WAY = PAGE_TEXT.partition("## From `POST /predict` to its answer")[2].partition("\n## ")[0]


@pytest.fixture(scope="module")
def modules(bundle_file: Path) -> set[str]:
    """The modules that see a flight which nobody asked about before, compiled ones too."""
    command = [sys.executable, "-m", "benchmarks.request_trace", str(bundle_file)]
    traced = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return (set(re.findall(r"^(puntual\.[\w.]+) ", traced, re.MULTILINE)) - OTHERS) | KERNELS


def test_few_modules_see_a_flight(modules: set[str]) -> None:
    assert len(modules) <= AT_MOST


def test_the_trace_sees_the_way_and_the_features_made_for_it(modules: set[str]) -> None:
    assert {"puntual.api.predict.flight_resolution", "puntual.prediction.experts"} <= modules
    assert {"puntual.features.history", "puntual.features.timetable"} <= modules & KINDS


def test_the_map_names_every_module_that_sees_a_flight(modules: set[str]) -> None:
    files = set(re.findall(r"`src/([\w/]+)\.py`", WAY))
    assert {module.replace(".", "/") for module in modules} <= files


def test_the_forms_of_a_flight_on_the_map_are_few_and_all_there_are() -> None:
    (sentence,) = re.findall(r"On this way a flight is a (.+?\.) ", WAY, re.DOTALL)
    forms = re.findall(r"`(\w+)`", sentence)
    assert 0 < len(forms) <= FORMS_AT_MOST
    defined = {name for file in PACKAGE.rglob("*.py") for name in definitions(file)}
    assert set(forms) <= defined
