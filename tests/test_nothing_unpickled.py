"""Nothing of ours reads a pickle, which would run whatever its file says; one is only written, for notebooks."""

import ast
import tomllib
from collections.abc import Iterator

import pytest

from test_docs import ROOT

FOLDERS = ("src", "stress", "benchmarks", "deploy")
# Each of these opens what `pickle` wrote, or runs code in other ways on reading.
READERS = {"joblib", "cloudpickle", "dill", "shelve", "marshal", "_pickle", "pickletools"}
MARK = "noqa: S301"
PICKLE_WRITES = {"dump", "dumps", "HIGHEST_PROTOCOL"}


def unpickling(source: str) -> Iterator[str]:
    """Give what a module imports or calls that would read a pickle."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.split(".")[0] in READERS)
                yield from (f"{name.name} as {name.asname}" for name in names if _is_renamed_pickle(name))
            case ast.ImportFrom(module="pickle", names=names):
                yield from (f"pickle.{name.name}" for name in names if name.name not in PICKLE_WRITES)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in READERS:
                yield module
            case ast.Attribute(value=ast.Name(id="pickle"), attr=attr) if attr not in PICKLE_WRITES:
                yield f"pickle.{attr}"
            case ast.Attribute(attr="read_pickle"):
                yield "read_pickle"
            case ast.keyword(arg="allow_pickle", value=value) if not _is_false(value):
                yield "allow_pickle"


def _is_renamed_pickle(name: ast.alias) -> bool:
    return name.name == "pickle" and name.asname is not None


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_of_ours_reads_a_pickle(folder: str) -> None:
    modules = list((ROOT / folder).rglob("*.py"))
    assert modules
    reading = {
        str(path.relative_to(ROOT)): list(unpickling(path.read_text(encoding="utf-8"))) for path in modules
    }
    assert {path: ways for path, ways in reading.items() if ways} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(content)",
        "import pickle\npickle.Unpickler(file).load()",
        "from pickle import load",
        "import pickle as p",
        "import joblib",
        "from joblib import load",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import pandas as pd\npd.read_pickle(path)",
    ],
)
def test_each_way_of_reading_a_pickle_is_seen(source: str) -> None:
    assert list(unpickling(source))


def test_writing_a_pickle_and_reading_plain_arrays_is_no_reading() -> None:
    assert not list(unpickling("import pickle\npickle.dumps(estimator)\nnp.load(path, allow_pickle=False)"))


def test_ruff_watches_for_it_everywhere_but_in_tests_and_notebooks() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    blind = {place for place, rules in lint["per-file-ignores"].items() if {"S", "S3", "S301"} & {*rules}}
    assert blind == {"tests/**", "notebooks/**"}
    marked = [
        path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if MARK in path.read_text()
    ]
    assert marked == []
