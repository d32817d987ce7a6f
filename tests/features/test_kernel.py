"""The kernels, compiled or interpreted: the same lines, to the same bits."""

import json
import subprocess
import sys
from typing import Any

import kernel_bits


def run(*words: str) -> dict[str, Any]:
    command = [sys.executable, kernel_bits.__file__, *words]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def test_without_a_compiler_every_vector_and_prediction_has_the_same_bits() -> None:
    interpreted, installed = run("interpreted"), run()
    assert not interpreted["compiled"]
    assert interpreted["bits"] == installed["bits"]
