"""What `.ci/run` takes for a later Python is one that runs and can make an environment."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from test_docs import ROOT

SCRIPT = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
RUNS = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
# What pyenv leaves on the path for versions that are not chosen, and Debian's Python without python3-venv.
SHIM = '#!/bin/sh\necho "pyenv: $0: command not found" >&2\nexit 127\n'
WITHOUT_VENV = '#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\n'


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def interpreter(folder: Path) -> str:
    """Ask the script's own function for Python 3.12, with what lies in a folder on the path and among pyenv's."""
    (function,) = re.findall(r"^interpreter\(\) \{\n.*?^\}", SCRIPT, re.MULTILINE | re.DOTALL)
    environment = {"PATH": f"{folder / 'path'}{os.pathsep}/bin", "PYENV_ROOT": str(folder / "pyenv")}
    command = ["bash", "-euo", "pipefail", "-c", f"{function}\ninterpreter 3.12"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_one_on_the_path_is_taken(tmp_path: Path) -> None:
    program(tmp_path / "path" / "python3.12", RUNS)
    program(tmp_path / "pyenv" / "versions" / "3.12.1" / "bin" / "python3.12", RUNS)
    assert interpreter(tmp_path) == "python3.12"


@pytest.mark.parametrize("text", [SHIM, WITHOUT_VENV], ids=["a shim", "without venv"])
def test_one_that_does_not_work_is_passed_over_for_pyenv_s(text: str, tmp_path: Path) -> None:
    program(tmp_path / "path" / "python3.12", text)
    works = program(tmp_path / "pyenv" / "versions" / "3.12.1" / "bin" / "python3.12", RUNS)
    assert interpreter(tmp_path) == works


def test_where_there_is_none_nothing_is_named(tmp_path: Path) -> None:
    program(tmp_path / "path" / "python3.12", SHIM)
    assert interpreter(tmp_path) == ""
