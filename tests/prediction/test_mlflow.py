"""A bundle as an MLflow model says what `puntual predict` says, and is written whole or not at all."""

import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner

from puntual.cli import main
from puntual.errors import ExportError
from puntual.prediction import mlflow as export
from puntual.prediction.mlflow import export_mlflow
from puntual.registry import Bundle, to_bytes

FIELDS = ["airline", "flight_number", "origin", "destination", "scheduled_departure"]
# MLflow's own call of pandas.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range is deprecated")


@pytest.fixture(scope="module")
def bundle_file(made_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    version, content = to_bytes(made_bundle)
    file = tmp_path_factory.mktemp("bundles") / f"{version}.puntual"
    file.write_bytes(content)
    return file


@pytest.fixture(scope="module")
def exported(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model written by the command, and moved elsewhere since, as a model that is deployed is."""
    folder = tmp_path_factory.mktemp("models")
    written = CliRunner().invoke(
        main, ["export", "--mlflow", str(folder / "model"), "--bundle", str(bundle_file)]
    )
    assert (written.exit_code, written.stdout.strip()) == (0, bundle_file.stem), written.output
    return (folder / "model").rename(folder / "deployed")


@pytest.fixture
def requested(made_flights: pl.DataFrame) -> pl.DataFrame:
    some = made_flights.sample(50, seed=2).select(FIELDS)
    return some.with_columns(pl.col("scheduled_departure").dt.strftime("%Y-%m-%dT%H:%M"))


@pytest.mark.parametrize("as_of", ["", "2023-04-12"])
def test_the_model_says_what_predict_says_to_the_bit(
    exported: Path, bundle_file: Path, requested: pl.DataFrame, tmp_path: Path, as_of: str
) -> None:
    requested.write_csv(tmp_path / "asked.csv")
    words = ["predict", str(tmp_path / "asked.csv"), "-o", str(tmp_path / "said.parquet")]
    words += ["--bundle", str(bundle_file), "--exact", *(["--as-of", as_of] if as_of else [])]
    assert CliRunner().invoke(main, words).exit_code == 0
    predicted = pl.read_parquet(tmp_path / "said.parquet")

    answer = mlflow.pyfunc.load_model(str(exported)).predict(
        pd.DataFrame(requested.to_dict(as_series=False)), params={"as_of": as_of}
    )

    columns = list(answer.columns)
    assert columns == predicted.columns[-len(columns) :] and columns[0] == "late_probability"
    for name in columns:
        if predicted[name].dtype == pl.Float64:
            expected = predicted[name].to_numpy().view(np.uint64)
            np.testing.assert_array_equal(answer[name].to_numpy().view(np.uint64), expected)
        else:
            assert answer[name].tolist() == predicted[name].to_list()


def test_the_model_holds_the_bundle_as_it_is_and_nothing_pickled(exported: Path, bundle_file: Path) -> None:
    files = {path.name for path in exported.rglob("*") if path.is_file()}
    assert not [name for name in files if name.endswith((".pkl", ".pickle"))]
    assert (exported / "artifacts" / bundle_file.name).read_bytes() == bundle_file.read_bytes()
    assert "puntual[mlflow]==" in (exported / "requirements.txt").read_text()


def test_its_signature_and_its_example_are_of_flights(exported: Path) -> None:
    model = mlflow.pyfunc.load_model(str(exported))
    assert model.metadata.get_input_schema().input_names() == FIELDS
    assert [param.name for param in model.metadata.get_params_schema().params] == ["as_of"]
    predicted = model.predict(model.input_example)
    assert predicted["support_airline"].tolist() != [0]


@pytest.mark.parametrize("absent", [["airline"], ["flight_number"], ["airline", "flight_number"]])
def test_who_flies_and_under_which_number_need_not_be_known(
    exported: Path, requested: pl.DataFrame, absent: list[str]
) -> None:
    model = mlflow.pyfunc.load_model(str(exported))
    answer = model.predict(pd.DataFrame(requested.drop(absent).to_dict(as_series=False)))
    assert answer["missing"].tolist() == [" ".join(absent)] * 50


def test_a_folder_with_something_in_it_is_left_as_it_is(made_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "kept.txt"):
        with pytest.raises(ExportError, match="there is something already"):
            export_mlflow(made_bundle, place)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_an_empty_folder_and_one_that_is_not_there_yet_are_filled(
    made_bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "new" / "model"):
        export_mlflow(made_bundle, place)
        assert (place / "MLmodel").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "new"]


def test_what_fails_half_way_leaves_nothing(
    made_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, place = tmp_path / "broken" / "code.py", tmp_path / "exported"
    broken.parent.mkdir()
    place.mkdir()
    broken.write_text("raise RuntimeError('half way')")
    monkeypatch.setattr(export, "CODE", broken)
    with pytest.raises(Exception, match="half way"):
        export_mlflow(made_bundle, place / "model")
    assert list(place.iterdir()) == []


def test_without_mlflow_the_message_says_what_to_install(bundle_file: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['mlflow'] = None; from puntual.cli import main; "
        f"main(['export', '--mlflow', {str(tmp_path / 'model')!r}, '--bundle', {str(bundle_file)!r}])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "pip install 'puntual[mlflow]'" in ended.stderr
    assert list(tmp_path.iterdir()) == []
