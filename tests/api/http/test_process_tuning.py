"""A worker is prepared before the libraries are loaded that read what it says, and loads no more than it needs."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import holidays
import msgspec
import pytest

from api.conftest import FLIGHT, Server, running, until
from puntual.features import calendar

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


# What training, tables, terminals, other databases and other clouds need.
NEVER = {
    *(
        "alembic",
        "botocore",
        "cryptography",
        "lightgbm",
        "matplotlib",
        "numpy.testing",
        "onnx",
        "pandas",
        "polars",
    ),
    *("psycopg", "puntual.reporting", "puntual.training", "rich", "scipy", "sklearn", "xgboost"),
    *("sqlalchemy.dialects.mysql", "sqlalchemy.dialects.oracle", "sqlalchemy.dialects.postgresql"),
}


def test_a_worker_that_has_answered_and_written_loaded_no_library_that_it_does_not_need(
    bundle_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONVERBOSE", "1")
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        server.client.post("/predict", json={"flights": [FLIGHT]}).raise_for_status()
        assert until(lambda: server.metric("puntual_journal_written_total") == 1)
        assert until(lambda: "puntual.operations.event_database" in _loaded(server))
        loaded = _loaded(server)
    assert {name for name in loaded if name in NEVER or name.partition(".")[0] in NEVER} == set()
    assert {name for name in loaded if name.startswith("holidays.countries.")} == {
        "holidays.countries.united_states"
    }


def _loaded(server: Server) -> set[str]:
    return set(re.findall(r"^import '([^']+)' #", server.messages.read_text(), re.MULTILINE))


HOLIDAYS = """
import sys, msgspec
from puntual.api.http.process_tuning import settle
from puntual.features import calendar
settle()
sys.stdout.buffer.write(msgspec.json.encode({code: calendar._holidays(code, 2024) for code in sys.argv[1:]}))
"""


def test_the_holidays_of_every_country_are_the_same_where_it_is_loaded_alone() -> None:
    codes = [*holidays.list_supported_countries(include_aliases=False)]
    alone = subprocess.check_output([sys.executable, "-c", HOLIDAYS, *codes], timeout=120)
    assert msgspec.json.decode(alone, type=dict[str, list[date]]) == {
        code: calendar._holidays(code, 2024) for code in codes
    }
