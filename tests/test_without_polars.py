"""What serves predictions works where Polars is not installed; what reads tables says that it is missing."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from api.conftest import FLIGHT, Server, running
from puntual.bundle import Bundle
from puntual.flights import Flight
from puntual.predict import Predictor

ASKED = Flight("AA", "1", "JFK", "MIA", datetime(2023, 4, 20, 10, 30))
# Asks a bundle about a flight, and tells its numbers to the bit.
ASKING = f"""
import sys
from datetime import datetime
from puntual import Flight, Predictor
from puntual.bundle import read
said = Predictor(read(sys.argv[1]), threads=1).predict([{ASKED!r}], reasons=True)
print(said.bands.tobytes().hex(), said.reasons.tobytes().hex())
"""


@pytest.fixture
def no_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every process started from here find, before Polars, a module of its name that cannot be imported."""
    (tmp_path / "polars.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'polars'\", name='polars')", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")


@pytest.fixture
def server_without_polars(no_polars: None, bundle_path: Path, tmp_path: Path) -> Iterator[Server]:
    with running("--bundle", str(bundle_path), "--state", str(tmp_path / "state"), "--no-auth") as server:
        yield server


@pytest.fixture
def bundle_path(made_registry: Path, made_bundle: Bundle) -> Path:
    return made_registry / f"{made_bundle.version}.puntual"


def run(*words: str, expected: int = 0) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == expected, ended.stderr
    return ended


def test_the_fixture_keeps_polars_away(no_polars: None) -> None:
    assert "No module named 'polars'" in run("-c", "import polars", expected=1).stderr


def test_flights_are_predicted_without_polars_to_the_same_bit(
    no_polars: None, bundle_path: Path, made_bundle: Bundle
) -> None:
    said = Predictor(made_bundle, threads=1).predict([ASKED], reasons=True)
    assert said.reasons is not None
    bands, reasons = run("-c", ASKING, str(bundle_path)).stdout.split()
    assert (bands, reasons) == (said.bands.tobytes().hex(), said.reasons.tobytes().hex())


def test_the_service_answers_without_polars_what_the_predictor_says(
    server_without_polars: Server, made_bundle: Bundle
) -> None:
    answer = server_without_polars.client.post("/predict", json={"flights": [FLIGHT], "reasons": True})
    (told,) = answer.raise_for_status().json()["predictions"]
    predictor = Predictor(made_bundle, threads=1)
    said = predictor.predict([ASKED], reasons=True)
    assert said.reasons is not None
    assert told["p_late"] == pytest.approx(said.p_late[0], abs=1e-6)
    np.testing.assert_allclose(list(told["reasons"].values()), said.reasons[0], atol=1e-6)


def test_predicting_a_file_without_polars_says_what_to_install(no_polars: None, tmp_path: Path) -> None:
    ended = run("-m", "puntual.cli", "predict", "flights.csv", "-o", "-", expected=1)
    assert "Polars is not installed; pip install 'puntual[tables]'" in ended.stderr
    assert "Traceback" not in ended.stderr
