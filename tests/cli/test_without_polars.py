"""What serves predictions works where Polars is not installed; what reads tables says that it is missing."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from api.conftest import FLIGHT, Server, running
from puntual.features.vector import GROUPS
from puntual.flights.flight import Flight
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle

ASKED = Flight("AA", "1", "JFK", "MIA", datetime(2023, 4, 20, 10, 30))
# Asks a bundle about that flight, and tells its numbers to the bit.
ASKING = """
import sys
from datetime import datetime
from puntual import Flight, Predictor
asked = Flight("AA", "1", "JFK", "MIA", datetime(2023, 4, 20, 10, 30))
said = Predictor.load(version=sys.argv[1], threads=1).predict([asked], reasons=True)
print(said.bands.tobytes().hex(), said.reasons.tobytes().hex())
"""


@pytest.fixture
def no_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every process started from here find a module called polars that cannot be imported."""
    (tmp_path / "polars.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'polars'\", name='polars')", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")


@pytest.fixture
def bundle_path(made_registry: Path, made_bundle: Bundle) -> str:
    return str(made_registry / f"{made_bundle.version}.puntual")


@pytest.fixture
def server_without_polars(bundle_path: str, tmp_path: Path) -> Iterator[Server]:
    with running("--bundle", bundle_path, "--state", str(tmp_path / "state"), "--no-auth") as server:
        yield server


def run(*words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == status, ended.stderr
    return ended


@pytest.mark.usefixtures("no_polars")
def test_polars_cannot_be_imported_here() -> None:
    assert "No module named 'polars'" in run("-c", "import polars", status=1).stderr


@pytest.mark.usefixtures("no_polars")
def test_flights_are_predicted_without_polars_to_the_same_bit(bundle_path: str, made_bundle: Bundle) -> None:
    predicted = Predictor(made_bundle, threads=1).predict([ASKED], reasons=True)
    assert predicted.reasons is not None
    bands, reasons = run("-c", ASKING, bundle_path).stdout.split()
    assert (bands, reasons) == (predicted.bands.tobytes().hex(), predicted.reasons.tobytes().hex())


@pytest.mark.usefixtures("no_polars")
def test_the_service_answers_without_polars_what_the_predictor_says(
    server_without_polars: Server, made_bundle: Bundle
) -> None:
    body = {"flights": [FLIGHT], "reasons": True, "as_of": "2023-04-20T00:00"}
    (prediction,) = (
        server_without_polars.client.post("/predict", json=body).raise_for_status().json()["predictions"]
    )
    predicted = Predictor(made_bundle, threads=1).predict([ASKED], reasons=True)
    assert predicted.reasons is not None
    assert prediction["late_probability"] == pytest.approx(predicted.late_probability[0], abs=1e-6)
    effects = {reason["group"]: reason["effect"] for reason in prediction["reasons"]}
    assert [effects[group] for group in GROUPS] == pytest.approx(predicted.reasons[0], abs=1e-6)


@pytest.mark.usefixtures("no_polars")
def test_predicting_a_file_without_polars_says_what_to_install() -> None:
    ended = run("-m", "puntual", "predict", "flights.csv", "-o", "-", status=1)
    assert (
        "polars is not installed, and puntual predict needs it; pip install 'puntual[tables]'" in ended.stderr
    )
    assert "Traceback" not in ended.stderr
