"""Workers that hang or lose their registry are replaced, and none outlives its supervisor."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from api.conftest import FLIGHT, Server, is_listened_on, running, until
from puntual.registry import Bundle, Registry


@pytest.fixture
def registry(made_bundle: Bundle, tmp_path: Path) -> Registry:
    """A registry whose champion is the bundle made here."""
    registry = Registry(tmp_path / "models")
    registry.set_champion(registry.publish(made_bundle), datetime(2026, 1, 1, tzinfo=UTC), previous=None)
    return registry


def words(registry: Registry, tmp_path: Path) -> tuple[str, ...]:
    return ("--registry", registry.url, "--state", str(tmp_path / "state"), "--workers", "2")


def statuses(server: Server, path: str, times: int = 12) -> set[int]:
    """Ask on a connection for each, so that every worker is asked."""
    return {httpx.get(f"{server.url}{path}", timeout=60).status_code for _ in range(times)}


def replace_all(server: Server) -> None:
    assert until(lambda: len(server.workers()) == 2)
    first = set(server.workers())
    for worker in first:
        os.kill(worker, signal.SIGKILL)
    assert until(lambda: len(server.workers()) == 2 and first.isdisjoint(server.workers()))
    assert until(lambda: is_listened_on(server.port))


def test_a_worker_whose_loop_stands_still_is_replaced(registry: Registry, tmp_path: Path) -> None:
    with running(*words(registry, tmp_path)) as server:
        assert until(lambda: server.messages.read_text().count("Application startup complete") == 2)
        assert statuses(server, "/livez") == {200}
        first = server.workers()
        # What a loop that never turns looks like from outside: its process lives, and answers nothing.
        os.kill(first[0], signal.SIGSTOP)
        assert until(lambda: len(server.workers()) == 2 and first[0] not in server.workers())
        assert first[1] in server.workers()
        assert "stood still for 5 s" in server.messages.read_text()


def test_a_service_ends_although_a_worker_stands_still(registry: Registry, tmp_path: Path) -> None:
    with running(*words(registry, tmp_path), drain="0") as server:
        assert until(lambda: len(server.workers()) == 2)
        # Before it answers, so that it is not replaced meanwhile.
        os.kill(server.workers()[0], signal.SIGSTOP)
        server.process.terminate()
        assert server.process.wait(60) is not None
        assert not is_listened_on(server.port)
        assert "does not end, and is killed" in server.messages.read_text()


def test_a_worker_whose_loop_alone_stands_still_does_not_answer_its_supervisor() -> None:
    code = """
import asyncio, threading, time
import uvicorn
from puntual.api.worker import AnnouncingServer, Worker

async def app(scope, receive, send):
    message = await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})

config = uvicorn.Config(app, port=0, lifespan="on", log_config=None)
worker = Worker(config, [], attempt=0, is_replacement=False)
worker.answering_since = 0.0
started = threading.Event()
worker._server = AnnouncingServer(config, started.set)
threading.Thread(target=worker._server.run, daemon=True).start()
threading.Thread(target=worker.always_pong, daemon=True).start()
started.wait()
print(worker.ping(timeout=60))
ended = threading.Event()
worker._server.loop.call_soon_threadsafe(ended.wait)
print(worker.ping(timeout=1))
ended.set()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "True\nFalse\n"


def test_replacements_go_on_with_the_last_good_bundle_while_the_registry_is_away(
    registry: Registry, tmp_path: Path
) -> None:
    with running(*words(registry, tmp_path)) as server:
        version = server.client.get("/readyz").json()["model"]
        shutil.rmtree(tmp_path / "models")
        replace_all(server)
        assert statuses(server, "/readyz") == {200}
        answer = httpx.post(f"{server.url}/predict", json={"flights": [FLIGHT]}, timeout=60)
        assert answer.raise_for_status().json()["model"]["version"] == version
        assert "Traceback" not in server.messages.read_text()


def test_replacements_without_any_bundle_are_not_ready_and_refuse_predictions_until_there_is_one(
    registry: Registry, tmp_path: Path
) -> None:
    with running(*words(registry, tmp_path), poll="0.2") as server:
        shutil.move(tmp_path / "models", tmp_path / "away")
        (tmp_path / "models").mkdir()
        (tmp_path / "models/model_to_deploy").write_text("00000000000000aa\n")
        (tmp_path / "state/last_good.puntual").unlink()
        replace_all(server)
        assert statuses(server, "/readyz") == {503}
        assert statuses(server, "/livez") == {200}
        answer = httpx.post(f"{server.url}/predict", json={"flights": [FLIGHT]}, timeout=60)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        workers = server.workers()
        shutil.rmtree(tmp_path / "models")
        shutil.move(tmp_path / "away", tmp_path / "models")
        assert until(lambda: statuses(server, "/readyz") == {200})
        assert server.workers() == workers, server.messages.read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"registry": "models"}, "'00000000000000aa' is not in registry"),
        ({"registry": "none", "journal": "nonsense://host/db"}, "PUNTUAL_JOURNAL is no database URL"),
        ({"registry": "none", "shadow": "none.puntual"}, "none.puntual: no such file"),
    ],
)
def test_a_first_start_that_cannot_work_exits_with_one_message(
    tmp_path: Path, workers: str, settings: dict[str, str], reason: str
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/model_to_deploy").write_text("00000000000000aa\n")
    environment = os.environ | {f"PUNTUAL_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "puntual", "serve", "--port", "0", "--workers", workers]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count(reason) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "answers on" not in done.stderr


def test_workers_end_with_a_supervisor_that_is_killed_and_let_go_of_the_port(
    registry: Registry, tmp_path: Path
) -> None:
    with running(*words(registry, tmp_path)) as server:
        assert until(lambda: len(server.workers()) == 2)
        workers = server.workers()
        server.signal(signal.SIGKILL)
        server.process.wait()
        assert until(lambda: not is_listened_on(server.port))
        assert until(lambda: not any(is_running(worker) for worker in workers))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("workers", ["1", "2"])
def test_once_it_answers_the_service_says_where_and_with_which_model(
    bundle_file: Path, tmp_path: Path, workers: str
) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path), "--workers", workers) as server:
        model = server.client.get("/models/champion").json()
        expected = (
            f"Puntual answers on {server.url}, and explains itself on {server.url}/docs. "
            f"Model {bundle_file.stem} answers, trained until {model['trained_until']}\n"
        )
        assert until(lambda: expected in server.messages.read_text())


def test_a_service_without_a_champion_says_so_loudly(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with running("--registry", str(tmp_path / "models"), "--state", str(tmp_path)) as server:
        assert until(lambda: "NO MODEL ANSWERS" in server.messages.read_text())
