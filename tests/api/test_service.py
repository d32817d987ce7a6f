"""The service's keys, timetable, champion and probes, on a real server."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from api.conftest import served, until
from puntual.api.auth.api_keys import KeyStore
from puntual.registry import Bundle, Registry

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLIGHT = {
    "airline": "AA",
    "flight_number": "1",
    "origin": "JFK",
    "destination": "MIA",
    "scheduled_departure": "2013-04-20T10:30",
}


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
    assert (champion["threshold"], champion["threshold_rule"]) == (made_bundle.manifest.threshold, "balanced")
    assert (champion["target"], champion["source"]) == ("departure", made_bundle.manifest.source)
    split, card = made_bundle.manifest.split, made_bundle.manifest.card
    assert champion["split"]["test_rows"] == split.test_rows
    assert champion["split"]["test_from"] == split.test_from.isoformat(timespec="minutes")
    assert card is not None
    assert champion["record"]["flights"] == card.table.flights
    assert champion["record"]["reliability"] == msgspec.to_builtins([*card.reliability])
    assert champion["record"]["findings"] == msgspec.to_builtins([*card.findings])


def test_a_wrong_method_names_the_right_one(client: httpx.Client) -> None:
    answer = client.delete("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    assert client.get("/nothing").status_code == 404
    assert client.get("/nothing").headers["content-type"] == "application/problem+json"


def test_the_callers_request_id_comes_back(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"flights": [FLIGHT]}, headers={"x-request-id": "seven"})
    assert answer.headers["x-request-id"] == "seven"


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


def test_every_prediction_is_in_the_journal(bundle_file: Path, tmp_path: Path) -> None:
    with served("--bundle", str(bundle_file), "--state", str(tmp_path)) as client:
        answer = client.post("/predict", json={"flights": [FLIGHT]}, headers={"x-request-id": "seven"}).json()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        rows = journal.execute(
            "select request_id, origin, late_probability, model from predictions"
        ).fetchall()
    assert rows == [("seven", "JFK", answer["predictions"][0]["late_probability"], bundle_file.stem)]


def test_a_registry_without_a_champion_is_waited_for(tmp_path: Path, made_bundle: Bundle) -> None:
    registry = Registry(tmp_path / "models")
    version = registry.publish(made_bundle)
    with served("--registry", registry.url, "--state", str(tmp_path / "state"), poll="0.1") as client:
        assert client.get("/readyz").status_code == 503
        registry.set_champion(version, NOON, previous=None)
        assert until(lambda: client.get("/readyz").status_code == 200)
