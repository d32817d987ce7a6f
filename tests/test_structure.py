"""Importing costs little, and predicting asks for no training library."""

import os
import subprocess
import sys

import pytest

from puntual.registry import to_bytes

HEAVY = {"lightgbm", "matplotlib", "onnxruntime", "optuna", "pandas", "polars", "sklearn", "xgboost"}
FOR_TRAINING = {
    "jinja2", "lightgbm", "matplotlib", "onnx", "optuna", "pandas", "scipy", "skl2onnx",
    "sklearn", "xgboost",
}  # fmt: skip
BARRED = "import sys; sys.modules.update(dict.fromkeys({barred!r})); {code}"


def modules_after(code: str) -> set[str]:
    """The top-level modules that a new interpreter holds once it has run `code`."""
    listing = f"{code}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(run(listing).split())


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_listing_sees_what_was_imported():
    assert "polars" in modules_after("import polars")


@pytest.mark.parametrize("code", ["import puntual", "import puntual.cli"])
def test_importing_loads_nothing_heavy(code):
    assert not modules_after(code) & HEAVY


@pytest.mark.parametrize(
    "code",
    [
        "from puntual import Flight, Predictor, read_flights",
        "import puntual.prediction.table_io, puntual.registry.promotion, puntual.training.bundle_scores",
        "from puntual.cli import main; main(['predict', '--help'], standalone_mode=False)",
    ],
)
def test_predicting_works_where_the_training_libraries_are_not_installed(code):
    run(BARRED.format(barred=sorted(FOR_TRAINING), code=code))


def test_training_is_what_needs_them():
    with pytest.raises(subprocess.CalledProcessError):
        run(BARRED.format(barred=sorted(FOR_TRAINING), code="from puntual import train"))


def test_every_public_name_can_be_imported():
    import puntual

    assert {name for name in puntual.__all__ if callable(getattr(puntual, name))} == set(puntual.__all__)


def test_an_unknown_name_is_told_with_the_known_ones():
    import puntual

    with pytest.raises(AttributeError, match="Predictor"):
        _ = puntual.Predicter


def test_predicting_reports_to_nobody_and_leaves_nothing_at_home(made_bundle, tmp_path):
    file = tmp_path / "made.puntual"
    file.write_bytes(to_bytes(made_bundle)[1])
    code = f"from puntual.prediction.predictor import Predictor; Predictor.load(version={str(file)!r})"
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(home)}, check=True)
    assert list(home.rglob("*")) == []
