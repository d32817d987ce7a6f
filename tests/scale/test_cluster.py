"""A scheduler and workers as processes: what is spread over them, and what becomes of it when one of them is gone."""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

from cluster_made import Processes, processes, same_bits, wait_until
from puntual.errors import ClusterError
from puntual.scale import cluster as module
from puntual.scale.cluster import Task, open_cluster
from puntual.scale.work_folder import WorkFolder
from puntual.sources import read_flights
from puntual.training.experiment import Options
from puntual.training.feature_table import write_features


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with processes(tmp_path_factory.mktemp("cluster")) as started:
        yield started


def features(in_files: Path, output: Path, address: str, *more: str) -> subprocess.Popen[str]:
    """Start the command on a cluster."""
    words = [
        "features",
        "--source",
        "table",
        "--data",
        str(in_files / "flights"),
        "--map",
        str(in_files / "map.toml"),
    ]
    command = [
        sys.executable,
        "-m",
        "puntual",
        *words,
        "--horizons",
        "day,60",
        "--cluster",
        address,
        "-o",
        str(output),
    ]
    return subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def expected(in_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("expected") / "vectors"
    table = read_flights("table", in_files / "flights", in_files / "map.toml")
    write_features(table, folder, Options(), ("day", "60"))
    return folder


def test_a_worker_that_is_killed_half_way_changes_no_bit(
    in_files: Path, expected: Path, tmp_path: Path
) -> None:
    with processes(tmp_path) as started:
        command = features(in_files, tmp_path / "vectors", started.address, "--json")
        # Once the first file was read, there is more to do.
        wait_until(lambda: any(tmp_path.glob(".vectors.*.parts/results/read/*")))
        started.workers[0].send_signal(signal.SIGKILL)
        out, error = command.communicate(timeout=300)
    assert out.startswith('{"files":6,'), error
    assert "dashboard: http://127.0.0.1:" in error
    assert not list(tmp_path.glob(".vectors*"))
    same_bits(tmp_path / "vectors", expected)


def test_a_scheduler_that_goes_is_one_error_and_what_is_finished_stays(
    in_files: Path, tmp_path: Path
) -> None:
    with processes(tmp_path, workers=1) as started:
        command = features(in_files, tmp_path / "vectors", started.address)
        wait_until(lambda: any(tmp_path.glob(".vectors.*.parts/results/read/*")))
        started.scheduler.send_signal(signal.SIGKILL)
        _, error = command.communicate(timeout=300)
        assert command.returncode == 1
        assert "the scheduler is gone; expected it until the command ends" in " ".join(error.split())
        assert len(error.splitlines()) <= 4, error
        assert not (tmp_path / "vectors").exists()
    # What was read is there for the command that is repeated.
    assert list(tmp_path.glob(".vectors.*.parts/results/read/*"))


def test_a_task_that_outgrows_its_workers_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    with processes(tmp_path, workers=0) as started:
        started.add_worker("--memory-limit", "300MB")
        with open_cluster(started.address) as cluster, pytest.raises(ClusterError) as raised:
            cluster.run("features", [Task("JFK-2023-01", os._exit, (9,))])
    message = str(raised.value)
    assert "features: the task features-JFK-2023-01" in message
    assert "give each worker more memory" in message


def test_a_memory_that_is_full_is_one_error(two_workers: Processes) -> None:
    with (
        open_cluster(two_workers.address) as cluster,
        pytest.raises(ClusterError, match="a worker's memory is full"),
    ):
        cluster.run("score", [Task("1", bytearray, (1 << 62,))])


def test_an_error_of_the_package_is_raised_as_it_is(two_workers: Processes, tmp_path: Path) -> None:
    with (
        open_cluster(two_workers.address) as cluster,
        pytest.raises(Exception, match="no such file") as raised,
    ):
        cluster.run("read", [Task("1", read_flights, ("bts", tmp_path / "nowhere.zip"))])
    assert type(raised.value).__name__ == "TableError"


def test_workers_that_do_not_see_the_folder_are_refused(two_workers: Processes) -> None:
    with (
        open_cluster(two_workers.address) as cluster,
        pytest.raises(ClusterError, match="does not see the folder"),
    ):
        cluster.require(bool, "the folder")


def test_workers_of_another_version_are_refused(
    two_workers: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.metadata, "version", lambda _: "99.0")
    with open_cluster(two_workers.address) as cluster, pytest.raises(ClusterError, match="and this is 99"):
        WorkFolder(str(tmp_path)).require_shared(cluster)


def test_a_good_bye_that_takes_too_long_takes_nothing_back(
    two_workers: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GOODBYE_SECONDS", 0.05)
    with open_cluster(two_workers.address) as cluster:
        assert cluster.run("sums", [Task("1", sum, ((1, 2),))]) == [3]
        # As on a machine that is busy: its connections are looked after late.
        cluster.client.loop.add_callback(time.sleep, 1)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "ftp://here:1", "local[0]x"])
def test_where_no_scheduler_answers_is_one_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 2)
    with pytest.raises(ClusterError, match="no scheduler answers there") as raised, open_cluster(address):
        pass
    # What the error holds on to is as it was: a client that was begun would wait for the next one without end.
    assert raised.value.__cause__ is not None
    # By their type: asked what it is an instance of, a weak reference answers for what may be gone.
    clients = [kept for kept in gc.get_objects() if issubclass(type(kept), Client)]
    assert not [client for client in clients if client.status in {"newly-created", "connecting"}]


def test_a_scheduler_without_workers_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 2)
    with (
        processes(tmp_path, workers=0) as started,
        pytest.raises(ClusterError, match="the scheduler has no workers"),
    ):
        wait_for_scheduler(started)
        with open_cluster(started.address):
            pass


def wait_for_scheduler(started: Processes) -> None:
    wait_until(lambda: b"Scheduler at" in (started.folder / "scheduler-0.log").read_bytes())
