"""With nothing installed but what the package itself needs, every command works or says in a line what to install."""

import importlib.metadata
import os
import re
import subprocess
import tomllib
import venv
from pathlib import Path

import pytest

from puntual.cli.extras import EXTRAS
from puntual.registry import Registry

ROOT = Path(__file__).parents[2]
INSTALL = re.compile(
    r"Error: \w+ is not installed, and puntual [\w ]+ needs it; pip install 'puntual\[[a-z,]+\]'\n"
)
# Whose import is not called as the distribution is.
IMPORTED = {"scikit-learn": "sklearn", "mlflow-skinny": "mlflow", "xgboost-cpu": "xgboost"}


def named(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def base_distributions() -> set[str]:
    """Name what a bare `pip install puntual` installs, by what each distribution says that it needs."""
    wanted, seen = [named(line) for line in project()["dependencies"]], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add(name)
        wanted += [named(line) for line in needs if "extra ==" not in line]
    return seen


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def base_install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real environment that holds the package, what it needs, and nothing of any extra."""
    place = tmp_path_factory.mktemp("base") / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    for name in base_distributions():
        distribution = importlib.metadata.distribution(name)
        tops = {
            file.parts[0] for file in distribution.files or () if file.parts[0] not in {"..", "__pycache__"}
        }
        for top in tops:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    about = Path(importlib.metadata.distribution("puntual")._path)
    (site / about.name).symlink_to(about)
    (site / "puntual.pth").write_text(str(ROOT / "src"))
    return place / "bin" / "python"


def run(python: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(python), "-m", "puntual", *words],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_base_install_holds_no_library_of_an_extra(base_install):
    libraries = [library for extra in EXTRAS.values() for library in extra]
    code = f"import importlib.util as u; print([n for n in {libraries!r} if u.find_spec(n)])"
    ended = subprocess.run([base_install, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "line",
    [
        "train --source nyc",
        "train --source scl --data FLIGHTS.csv",
        "demo",
        "evaluate --bundle BUNDLE --source scl --data FLIGHTS.csv",
        "predict FLIGHTS.csv -o out.csv --bundle BUNDLE",
        "predict FLIGHTS.csv -o - --bundle BUNDLE",
        "sources",
        "sources --json",
        "serve --bundle BUNDLE --port 0",
        "stress",
    ],
)
def test_a_command_that_misses_an_extra_says_in_one_line_what_to_install(
    base_install, made_registry, line, tmp_path
):
    (tmp_path / "FLIGHTS.csv").write_text("airline,flight_number\nAA,1\n")
    (bundle,) = made_registry.glob("*.puntual")
    ended = run(base_install, *line.replace("BUNDLE", str(bundle)).split(), folder=tmp_path)
    assert ended.returncode == 1
    assert INSTALL.fullmatch(ended.stderr), ended.stderr


@pytest.mark.parametrize(
    "line",
    [
        "--version",
        "--help",
        "settings",
        "models list --registry models",
        "keys list",
        "data push FLIGHTS.csv --folder . --to copied",
    ],
)
def test_a_command_that_needs_no_extra_works_in_the_base_install(base_install, made_registry, line, tmp_path):
    (tmp_path / "models").symlink_to(made_registry)
    (tmp_path / "FLIGHTS.csv").write_text("airline,flight_number\nAA,1\n")
    ended = run(base_install, *line.split(), folder=tmp_path)
    # A copy says what has arrived.
    assert ended.returncode == 0, ended.stderr
    assert not re.search("Error|Traceback|not installed", ended.stderr)


def test_models_are_listed_whole_without_a_library_of_tables(base_install, made_registry, tmp_path):
    (listed,) = Registry(made_registry).versions()
    assert (
        listed.version
        in run(base_install, "models", "list", "--registry", str(made_registry), folder=tmp_path).stdout
    )


def test_a_stress_test_names_all_that_it_needs_at_once(base_install, tmp_path):
    assert "pip install 'puntual[serve,stress,train]'" in run(base_install, "stress", folder=tmp_path).stderr


def test_every_library_of_an_extra_is_known_by_the_extra_that_brings_it():
    listed = {
        extra: {named(line) for line in lines} - {"puntual"}
        for extra, lines in project()["optional-dependencies"].items()
    }
    known = {library for libraries in EXTRAS.values() for library in libraries}
    for extra, names in listed.items():
        imported = {IMPORTED.get(name, name.replace("-", "_")) for name in names}
        assert imported <= known, extra
        assert set(EXTRAS.get(extra, ())) <= imported, extra
