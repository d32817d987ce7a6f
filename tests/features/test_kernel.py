"""The kernels, compiled or interpreted: the same lines, to the same bits."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import hatch_build
import kernel_bits


def run(*words: str) -> dict[str, Any]:
    command = [sys.executable, kernel_bits.__file__, *words]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def test_without_a_compiler_every_vector_and_prediction_has_the_same_bits() -> None:
    interpreted, installed = run("interpreted"), run()
    assert not interpreted["compiled"]
    assert interpreted["bits"] == installed["bits"]


def test_an_editable_install_leaves_the_library_whole_that_a_process_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, beside = tmp_path / "built.so", tmp_path / "src" / "puntual" / "kernel.so"
    beside.parent.mkdir(parents=True)
    beside.write_bytes(b"former")
    built.write_bytes(b"new")
    monkeypatch.setattr(hatch_build, "compile_kernels", lambda *_: {"puntual/kernel.so": built})
    hook = hatch_build.CustomBuildHook(str(tmp_path), {}, Mock(), Mock(), str(tmp_path / "dist"), "wheel")
    with beside.open("rb") as mapped:
        hook.initialize("editable", {})
        assert mapped.read() == b"former"
    assert beside.read_bytes() == b"new"
    assert [*beside.parent.iterdir()] == [beside]
