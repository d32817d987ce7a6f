"""A model is trained on a table in a bucket, published there, promoted and rolled back, all by URL."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from puntual.cli import main
from puntual.registry import Bundle, Registry
from puntual.storage import open_store
from test_docs import made_table, readme_map


def puntual(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_training_promoting_and_rolling_back_work_on_the_bucket_alone(
    bucket: str, made_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("map.toml").write_text(readme_map(), encoding="utf-8")
    open_store(f"{bucket}/data").write("flights.csv", made_table().write_csv().encode())
    at = ("--registry", f"{bucket}/models")
    table = ("--source", "table", "--data", f"{bucket}/data/flights.csv", "--map", "map.toml")
    trained = json.loads(
        puntual("train", *table, "--candidates", "lightgbm:none", "--no-backtest", "--no-live", "--json", *at)
    )["version"]
    former = Registry(f"{bucket}/models").publish(made_bundle)
    for version in (former, trained):
        puntual("models", "promote", version, "--force", *at)
    assert puntual("models", "rollback", *at).split()[0] != trained
    listed = json.loads(puntual("models", "list", "--json", *at))["models"]
    assert len(listed) >= 2
    assert [one["version"] for one in listed if one["champion"]] != [trained]
    assert {path.name for path in tmp_path.iterdir()} == {"map.toml", "reports"}
