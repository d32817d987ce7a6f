"""A worker is prepared before the libraries are loaded that read what it says, and loads no more than it needs."""

import gc
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import holidays
import httpx
import msgspec
import pytest

from api.conftest import FLIGHT, Server, running, until
from puntual.api.http.process_tuning import FullRounds, step_back
from puntual.features import calendar

SETTLED = """
import gc
from puntual.api.http.process_tuning import settle
settle()
rounds = []
gc.callbacks.append(lambda phase, info: rounds.append(info["generation"]))
kept = [[number] for number in range(300_000)]
assert 1 in rounds, rounds
assert 2 not in rounds, rounds
"""
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


def test_a_hundred_thousand_new_objects_set_off_no_full_round_in_the_middle_of_an_answer() -> None:
    subprocess.run([sys.executable, "-c", SETTLED], check=True, timeout=60)


class Clocks:
    """What has passed on the wall, and what of it the process worked."""

    def __init__(self) -> None:
        self.now, self.worked = 0.0, 0.0

    def pass_on(self, seconds: float, *, working: float) -> None:
        self.now += seconds
        self.worked += seconds * working


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(time, "monotonic", lambda: clocks.now)
    monkeypatch.setattr(time, "process_time", lambda: clocks.worked)
    return clocks


def test_a_full_round_waits_for_a_quiet_moment(clocks: Clocks) -> None:
    rounds = FullRounds()
    clocks.pass_on(300, working=0.5)
    assert not rounds.look()
    clocks.pass_on(5, working=0.01)
    assert rounds.look()
    clocks.pass_on(5, working=0.01)
    assert not rounds.look()


def test_a_process_that_is_never_quiet_has_a_full_round_after_ten_minutes(clocks: Clocks) -> None:
    rounds = FullRounds()
    looked = []
    for _ in range(130):
        clocks.pass_on(5, working=0.9)
        looked.append(rounds.look())
    assert looked.index(True) == 119
    assert looked.count(True) == 1


def test_a_full_round_lets_go_of_what_names_itself(clocks: Clocks) -> None:
    rounds = FullRounds()

    class Itself:
        pass

    lost = Itself()
    lost.me = lost  # type: ignore[attr-defined]
    kept = id(lost)
    del lost
    clocks.pass_on(600, working=0.0)
    assert rounds.look()
    assert not any(id(one) == kept and isinstance(one, Itself) for one in gc.get_objects())


# A thread of the service itself, which does a full round once it is asked to, and says what only that lets go of.
ROUND = """
import gc, pathlib, threading, time
def look():
    here = pathlib.Path(__file__).parent
    while not (here / "look").exists():
        time.sleep(0.05)
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    (here / "found").write_text(" ".join(type(one).__name__ for one in gc.garbage) + " .")
threading.Thread(target=look, daemon=True).start()
"""


def test_a_connection_that_ends_waits_for_no_full_round(
    bundle_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(ROUND)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with running("--bundle", str(bundle_file), "--state", str(tmp_path / "state")) as server:
        for path, body in (("/predict", {"flights": [FLIGHT]}), ("/predict", {"flights": []}), ("/rank", {})):
            with httpx.Client(base_url=server.client.base_url) as client:
                client.post(path, json=body)
        (tmp_path / "look").touch()
        assert until(
            lambda: (tmp_path / "found").exists() and (tmp_path / "found").read_text().endswith(" .")
        )
    assert "Connection" not in (tmp_path / "found").read_text().split()


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


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux alone")
def test_a_thread_that_steps_back_lets_only_the_others_come_before_it() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = priority()
    with ThreadPoolExecutor(1, initializer=step_back) as pool:
        assert pool.submit(priority).result() == min(before + 5, 19)
    assert priority() == before
