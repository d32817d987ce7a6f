"""A worker is prepared before the libraries are loaded that read what it says."""

import subprocess
import sys
from pathlib import Path

import pytest

from api.conftest import running

CODE = """
import sys
import puntual.cli
from puntual.api.http.process_tuning import prepare
assert "numpy" not in sys.modules
"""


def test_nothing_that_multiplies_is_loaded_before_the_worker_is_prepared() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="another process's environment is shown by Linux alone")
def test_the_workers_of_a_service_multiply_by_one_thread(bundle_file: Path, tmp_path: Path) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path), workers="2") as server:
        for worker in server.workers():
            assert b"OPENBLAS_NUM_THREADS=1" in Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
