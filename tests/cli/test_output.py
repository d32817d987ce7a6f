"""What the commands print fits a terminal of 80 columns, says in lines what goes on, and completes versions."""

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from puntual.cli import main
from puntual.cli.output import bundles
from puntual.registry import Bundle, Registry


@pytest.mark.parametrize("width", [60, 80, 140])
def test_versions_and_models_are_listed_whole_on_a_terminal_of_80_columns(
    made_registry: Path, made_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(bundles, "output_console", lambda: Console(file=written, width=width))
    listed = Registry(made_registry).versions()
    (listed_one,) = [one for one in listed if one.version == made_bundle.version]
    manifest = msgspec.structs.replace(
        made_bundle.manifest, candidate="lightgbm", treatment="weights", source="table"
    )
    shown = replace(listed_one, manifest=manifest, champion=True)
    broken = replace(
        listed_one, version="f" * 16, manifest=None, broken="it is no bundle " * 9, champion=False
    )
    bundles.print_models([shown, broken], as_json=False)
    lines = written.getvalue().splitlines()
    assert lines[1].startswith(f"{made_bundle.version}  champion  ")
    assert "  lightgbm:weights" in lines[1]
    assert any(line.startswith("f" * 16) for line in lines)
    assert written.getvalue().count("no") == 9
    assert ("log loss" in lines[0], "ROC AUC" in lines[0]) == (width == 140, width >= 80)
    assert max(map(len, lines)) <= width


def offered(words: str, folder: Path, **environment: str) -> list[str]:
    """Give the lines that a shell gets for a command line whose last word is begun."""
    ended = subprocess.run(
        [sys.executable, "-c", "from puntual.cli import main; main(prog_name='puntual')"],
        cwd=folder,
        env={**os.environ, "COMP_WORDS": words, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.splitlines()


def completed(words: str, folder: Path, **environment: str) -> list[str]:
    """Give what bash is told to offer for a command line whose last word is begun."""
    lines = offered(words, folder, _PUNTUAL_COMPLETE="bash_complete", **environment)
    return [line.partition(",")[2] for line in lines]


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("puntual models promote ", "3"),
        ("puntual models show ", "3"),
        ("puntual models push --to there ", "5"),
        ("puntual predict flights.csv --bundle ", "4"),
        ("puntual serve --bundle ", "3"),
    ],
)
def test_versions_of_the_registry_are_completed(made_registry, made_bundle, tmp_path, words, place):
    (tmp_path / "models").symlink_to(made_registry)
    assert completed(words + made_bundle.version[:3], tmp_path, COMP_CWORD=place) == [made_bundle.version]


def test_versions_of_another_registry_are_completed_from_there(made_registry, made_bundle, tmp_path):
    words = f"puntual models promote --registry {made_registry} "
    assert completed(words, tmp_path, COMP_CWORD="5") == [made_bundle.version]


def test_zsh_is_offered_the_versions_of_the_registry(made_registry, made_bundle, tmp_path):
    (tmp_path / "models").symlink_to(made_registry)
    words = "puntual models promote " + made_bundle.version[:3]
    lines = offered(words, tmp_path, _PUNTUAL_COMPLETE="zsh_complete", COMP_CWORD="3")
    # A type, a value and a help for each.
    assert lines[1::3] == [made_bundle.version]


def test_fish_is_offered_the_versions_of_the_registry(made_registry, made_bundle, tmp_path):
    (tmp_path / "models").symlink_to(made_registry)
    begun = made_bundle.version[:3]
    words = f"puntual models promote {begun}"
    printed = "\n".join(offered(words, tmp_path, _PUNTUAL_COMPLETE="fish_complete", COMP_CWORD=begun))
    assert re.findall(r"[0-9a-f]{16}", printed) == [made_bundle.version]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_that_the_guide_names_has_its_completion(shell):
    page = (Path(__file__).parents[2] / "docs" / "guide" / "models.md").read_text(encoding="utf-8")
    assert f"_PUNTUAL_COMPLETE={shell}_source puntual" in page
    ended = subprocess.run(
        [sys.executable, "-c", "from puntual.cli import main; main(prog_name='puntual')"],
        env={**os.environ, "_PUNTUAL_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_PUNTUAL_COMPLETE" in ended.stdout


def test_a_copy_says_in_a_line_what_has_arrived_where_there_is_no_terminal(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "flights.csv").write_text("a" * 1234)
    words = ["data", "push", "--folder", str(tmp_path / "data"), "--to", str(tmp_path / "copied")]
    assert "copied flights.csv (1,234 bytes)" in CliRunner().invoke(main, words).stderr


def test_a_prediction_says_in_a_line_how_far_it_is(made_registry, made_bundle, made_flights, tmp_path):
    names = ("airline", "flight_number", "origin", "destination", "scheduled_departure")
    made_flights.head(50).select(names).write_csv(tmp_path / "flights.csv")
    words = ["predict", str(tmp_path / "flights.csv"), "-o", "-", "--registry", str(made_registry)]
    result = CliRunner().invoke(main, [*words, "--bundle", made_bundle.version])
    assert "predicting: 50 flights (50 of 50)" in result.stderr


def test_an_evaluation_says_in_lines_what_it_does(made_registry, made_bundle):
    words = ["evaluate", "--source", "scl", "--data", "nowhere.csv", "--registry", str(made_registry)]
    result = CliRunner().invoke(main, [*words, "--bundle", made_bundle.version])
    assert "evaluating: reading (1 of 2)" in result.stderr
