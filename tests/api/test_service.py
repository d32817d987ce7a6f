"""The service's keys, timetable, champion and probes, on a real server."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from api.conftest import served
from puntual.api_keys import KeyStore
from puntual.bundle import Bundle
from puntual.registry import Registry

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLIGHT = {
    "airline": "AA",
    "flight_number": "1",
    "origin": "JFK",
    "destination": "MIA",
    "scheduled_departure": "2013-04-20T10:30",
}
TIMETABLE = "airline,flight_number,origin,destination,scheduled_departure\nAA,1,JFK,MIA,2013-04-20T10:30\n"


def until(holds: Callable[[], bool]) -> bool:
    for _ in range(100):
        if holds():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/metrics", "/openapi.json", "/docs"])
def test_what_describes_the_service_is_there(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_documentation_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "http" not in page.replace("<!doctype html>", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert client.get(f"/docs/{name}").status_code == 200


def test_the_champion_says_what_it_is(client: httpx.Client, bundle_file: Path, made_bundle: Bundle) -> None:
    champion = client.get("/models/champion").json()
    assert champion["version"] == bundle_file.stem
    assert champion["columns"] == list(made_bundle.manifest.columns)
    assert champion["card"] == made_bundle.card


def test_a_wrong_method_names_the_right_one(client: httpx.Client) -> None:
    answer = client.delete("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    assert client.get("/nothing").status_code == 404
    assert client.get("/nothing").headers["content-type"] == "application/problem+json"


def test_the_callers_request_id_comes_back(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"flights": [FLIGHT]}, headers={"x-request-id": "seven"})
    assert answer.headers["x-request-id"] == "seven"


def test_a_timetable_is_counted_and_a_bad_row_changes_nothing(bundle_file: Path, tmp_path: Path) -> None:
    csv = {"content-type": "text/csv"}
    with served("--bundle", str(bundle_file), "--state", str(tmp_path), "--no-auth") as client:

        def timetable() -> str:
            said = client.post("/predict", json={"flights": [FLIGHT]}).json()["predictions"][0]["timetable"]
            return str(said)

        assert timetable() == "typical"
        refused = client.put("/timetable", content=TIMETABLE + "AA,2,QQQ,MIA,2013-04-20T11:00\n", headers=csv)
        assert refused.status_code == 422
        assert "line 3, column 'origin'" in refused.json()["detail"]
        assert timetable() == "typical"
        assert client.put("/timetable", content=TIMETABLE, headers=csv).json()["flights"] == 1
        assert timetable() == "known"


def test_writing_needs_a_key_and_so_does_everything_once_there_is_one(
    bundle_file: Path, tmp_path: Path
) -> None:
    with served("--bundle", str(bundle_file), "--state", str(tmp_path)) as client:
        body = {"flights": [FLIGHT]}
        assert client.post("/predict", json=body).status_code == 200
        assert client.post("/models/reload").status_code == 401
        token = KeyStore(tmp_path).create("tower", NOON)
        assert until(lambda: client.post("/predict", json=body).status_code == 401)
        for headers in ({"x-api-key": token}, {"authorization": f"Bearer {token}"}):
            assert client.post("/predict", json=body, headers=headers).status_code == 200
        wrong = client.post("/predict", json=body, headers={"x-api-key": token[:-1] + "!"})
        assert wrong.status_code == 401
        assert client.get("/livez").status_code == 200


def test_a_key_that_asks_too_fast_is_told_when_to_come_back(bundle_file: Path, tmp_path: Path) -> None:
    token = KeyStore(tmp_path).create("tower", NOON)
    with served("--bundle", str(bundle_file), "--state", str(tmp_path), rate="0.5", burst="2") as client:
        answers = [client.get("/metrics", headers={"x-api-key": token}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1


def test_the_champion_is_replaced_without_a_restart_and_a_bad_one_is_refused(
    made_bundle: Bundle, tmp_path: Path
) -> None:
    registry = Registry(tmp_path / "models")
    first = registry.publish(made_bundle)
    other = replace(made_bundle, card=made_bundle.card + "\nagain\n")
    second = registry.publish(other)
    registry.set_champion(first, NOON, previous=None)
    words = ("--registry", registry.url, "--state", str(tmp_path / "state"), "--no-auth")
    with served(*words, poll="60") as client:
        assert client.get("/readyz").json()["model"] == first
        registry.set_champion(second, NOON, previous=first)
        assert client.post("/models/reload").json() == {"swapped": True, "version": second}
        bad = tmp_path / "models" / f"{first}.puntual"
        bad.write_bytes(bad.read_bytes()[:1000])
        (tmp_path / "models" / "model_to_deploy").write_text(first)
        assert client.post("/models/reload").status_code == 409
        assert client.get("/readyz").json()["model"] == second


def test_every_prediction_is_in_the_journal(bundle_file: Path, tmp_path: Path) -> None:
    with served("--bundle", str(bundle_file), "--state", str(tmp_path)) as client:
        said = client.post("/predict", json={"flights": [FLIGHT]}, headers={"x-request-id": "seven"}).json()
    with sqlite3.connect(tmp_path / "journal.db") as journal:
        rows = journal.execute(
            "select request_id, origin, late_probability, model from predictions"
        ).fetchall()
    assert rows == [("seven", "JFK", said["predictions"][0]["late_probability"], bundle_file.stem)]


def test_other_machines_are_not_let_in_without_a_key(bundle_file: Path, tmp_path: Path) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--host", "0.0.0.0")
    with pytest.raises(AssertionError, match="--no-auth"), served(*words):
        pass


def test_a_registry_without_a_champion_is_waited_for(tmp_path: Path, made_bundle: Bundle) -> None:
    registry = Registry(tmp_path / "models")
    version = registry.publish(made_bundle)
    with served("--registry", registry.url, "--state", str(tmp_path / "state"), poll="0.1") as client:
        assert client.get("/readyz").status_code == 503
        registry.set_champion(version, NOON, previous=None)
        assert until(lambda: client.get("/readyz").status_code == 200)


def test_a_killed_worker_is_replaced(bundle_file: Path, tmp_path: Path) -> None:
    with served("--bundle", str(bundle_file), "--state", str(tmp_path), "--workers", "2") as client:
        workers = _workers(client)
        os.kill(workers[0], signal.SIGKILL)
        assert until(lambda: len(_workers(client)) == 2 and workers[0] not in _workers(client))


def _workers(client: httpx.Client) -> list[int]:
    port = str(client.base_url.port)
    parents = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists() and b"\0" + port.encode() + b"\0" in _read(path)
    ]
    children = [int(pid) for parent in parents for pid in _children(parent)]
    return [pid for pid in children if b"spawn_main" in _read(Path(f"/proc/{pid}/cmdline"))]


def _children(parent: int) -> list[str]:
    return _read(Path(f"/proc/{parent}/task/{parent}/children")).decode().split()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
