"""Without Dask everything runs on one machine, and what asks for a cluster says what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = "import sys; sys.modules['distributed'] = sys.modules['dask'] = None; from puntual.cli import main; main()"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("command", "extras"),
    [("features", "scale"), ("evaluate", "scale"), ("predict", "scale"), ("train", "scale,train")],
)
def test_a_command_with_a_cluster_says_what_to_install(
    command: str, extras: str, in_files: Path, made_registry: Path, elsewhere: Path
) -> None:
    table = ("--data", str(in_files / "flights"), "--map", str(in_files / "map.toml"))
    bundle = next(made_registry.glob("*.puntual"))
    flights = str(in_files / "flights" / "0.parquet")
    words = {
        "features": ("--source", "table", *table, "-o", "vectors"),
        "evaluate": ("--source", "table", *table, "--bundle", str(bundle)),
        "predict": (flights, "-o", "out.csv", "--bundle", str(bundle)),
        "train": ("--source", "table", *table),
    }[command]
    done = run(command, *words, "--cluster", "local[2]")
    assert done.returncode == 1
    message = f"Error: distributed is not installed, and puntual {command} needs it; pip install 'puntual[{extras}]'"
    assert " ".join(done.stderr.split()).endswith(message)
    assert {path.name for path in elsewhere.iterdir()} <= {"models", "reports"}


def test_vectors_are_written_on_one_machine(in_files: Path, elsewhere: Path) -> None:
    data, table_map = str(in_files / "flights" / "0.parquet"), str(in_files / "map.toml")
    done = run("features", "--source", "table", "--data", data, "--map", table_map, "-o", "vectors", "--json")
    assert done.returncode == 0, done.stderr
    assert list((elsewhere / "vectors").rglob("*.parquet"))
