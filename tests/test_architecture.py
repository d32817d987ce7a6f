"""The map in docs/architecture.md is that of the code."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "architecture.md"
TEXT = PAGE.read_text(encoding="utf-8")
PACKAGE = ROOT / "src" / "puntual"
LAYERS_AT_MOST, ENTRIES_AT_MOST = 14, 18
# Names that several rooms share, and the one meaning that they have in all of them. A command is called as the user
# calls it, whatever does its work.
SHARED_NAMES = {
    "__init__": "what a package is",
    "demo": "the first look, and the command for it",
    "routes": "the routes that stand at the root of the API, and those of each protocol in its own room",
    "settings": "the settings, and the command that lists them",
    "train": "training, and the command for it",
    "webhook": "GitHub's deliveries, and the command for their secret",
}
SHARED_TYPES = {
    "Headers": "headers as ASGI has them",
    "Progress": "what is called as work goes on",
    "Rows": "positions of flights",
}
STEPS = re.findall(r"^\| [^|]+ \| `([^`|]+)` \| `([\w.]+)` \|$", TEXT, re.MULTILINE)


def contract() -> list[str]:
    """Give the layers of the import contract, from the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (listed,) = (one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    assert listed["exhaustive"]
    layers: list[str] = listed["layers"]
    return layers


def entries() -> set[str]:
    """Give what stands in the package, but for what makes it a package."""
    marks = {"__init__.py", "__main__.py", "__pycache__", "py.typed"}
    return {path.name for path in PACKAGE.iterdir()} - marks


def definitions(file: Path) -> Iterator[str]:
    """Give the functions and classes of a file, and the methods of its classes after a dot."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            methods = (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
            yield from (f"{node.name}.{method.name}" for method in methods)


def types_of(file: Path) -> Iterator[str]:
    """Give the names of a file's public classes, and of its type aliases, which are written as classes are."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name[0].isupper() and not name.isupper():
                yield name


def test_every_room_is_on_the_map_and_no_other():
    rooms = {name for name in entries() if (PACKAGE / name).is_dir()}
    assert set(re.findall(r"^\| `(\w+)/` \|", TEXT, re.MULTILINE)) == rooms


def test_every_inner_room_of_the_api_is_on_the_map_and_no_other():
    (row,) = re.findall(r"^\| `api/` \|(.+)\|$", TEXT, re.MULTILINE)
    rooms = {path.parent.name for path in (PACKAGE / "api").glob("*/__init__.py")}
    assert set(re.findall(r"`(\w+)/`", row)) == rooms


def test_alone_beside_the_rooms_stands_what_the_map_says():
    files = {name for name in entries() if (PACKAGE / name).is_file()}
    (sentence,) = re.findall(r"Beside the rooms stand only (.+?), which every room may use", TEXT)
    assert set(re.findall(r"`([\w.]+)`", sentence)) == files


def test_the_layers_on_the_map_are_those_of_the_contract():
    assert blocks(PAGE, "text")[0].split("\n")[:-1] == contract()


def test_a_newcomer_can_keep_the_layers_and_the_rooms_in_mind():
    assert len(contract()) <= LAYERS_AT_MOST
    assert len(entries()) <= ENTRIES_AT_MOST


def test_every_room_that_may_not_be_missing_is_there():
    named = {room for layer in contract() for room in layer.split(" : ") if not room.startswith("(")}
    assert named <= {name.removesuffix(".py") for name in entries()}


def test_both_ways_have_steps():
    assert len(STEPS) >= 20


@pytest.mark.parametrize(("file", "name"), STEPS, ids=[f"{Path(file).stem}.{name}" for file, name in STEPS])
def test_every_step_is_where_the_map_says(file, name):
    assert name in set(definitions(ROOT / file))


def test_every_file_that_the_map_names_is_there():
    named = re.findall(r"`((?:src|tests|deploy|docs|stress)/[\w./]+)`", TEXT)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_modules_of_one_name_mean_one_thing():
    places = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        places[path.stem].append(str(path.relative_to(PACKAGE)))
    several = {name for name, files in places.items() if len(files) > 1}
    # No name is kept that nothing shares any longer.
    assert several == set(SHARED_NAMES)


def test_classes_and_types_of_one_name_mean_one_thing():
    places = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for name in types_of(path):
            places[name].add(str(path.relative_to(PACKAGE)))
    assert {name for name, files in places.items() if len(files) > 1} == set(SHARED_TYPES)
