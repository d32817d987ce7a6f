"""What the service tells of itself: lines of JSON, and numbers for Prometheus."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.conftest import FLIGHT, Server, running, until
from puntual.api.app import create_app
from puntual.api.http.gateway import Gateway
from puntual.api.observability import metrics
from puntual.api.observability.log_format import JsonLines
from puntual.api.serving.serving_model import ServingModel
from puntual.settings import Settings

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def server(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path_factory.mktemp("state")))
    with running(*words, workers="2", poll="0.1") as started:
        yield started


def ask(server: Server, flights: int = 1, **headers: str) -> httpx.Response:
    # Each on a connection of its own, so that either worker may take it.
    body = {"flights": [FLIGHT] * flights}
    return httpx.post(f"{server.url}/predict", json=body, headers=headers, timeout=60)


def line_of(server: Server, request_id: str) -> dict[str, Any]:
    def lines() -> list[dict[str, Any]]:
        return [line for line in server.logged() if line["request_id"] == request_id]

    assert until(lambda: len(lines()) == 1)
    return lines()[0]


def test_each_request_is_a_line_of_json_with_its_id_and_trace(server: Server, bundle_file: Path) -> None:
    ask(server, **{"x-request-id": "seven", "traceparent": TRACE})
    line = line_of(server, "seven")
    expected = {"method": "POST", "path": "/predict", "status": 200, "traceparent": TRACE}
    assert line == line | expected | {"model": bundle_file.stem}
    assert line["milliseconds"] > 0


@pytest.mark.parametrize("given", [{}, {"x-request-id": "a b"}, {"x-request-id": "x" * 129}])
def test_a_request_without_an_id_that_can_be_kept_is_given_one(server: Server, given: dict[str, str]) -> None:
    ids = {ask(server, **given).headers["x-request-id"] for _ in range(10)}
    assert len(ids) == 10
    assert ids.isdisjoint(given.values())
    for request_id in ids:
        assert line_of(server, request_id)["traceparent"] is None


@pytest.mark.parametrize("trace", ["00-0-0-01", TRACE.upper(), TRACE + "\t0"])
def test_a_trace_that_is_none_is_not_logged(server: Server, trace: str) -> None:
    answer = ask(server, traceparent=trace)
    assert line_of(server, answer.headers["x-request-id"])["traceparent"] is None


def test_a_refused_request_is_logged_as_well(server: Server) -> None:
    answer = server.client.put("/timetable", headers={"x-request-id": "refused"})
    assert answer.status_code == 401
    assert line_of(server, "refused")["status"] == 401


def test_the_services_own_messages_are_lines_of_json(server: Server) -> None:
    lines = server.messages.read_text().splitlines()
    # It says so once its port is bound and a worker answers.
    (greeting,) = (line for line in lines if not line.startswith("{"))
    assert greeting.startswith("Puntual answers on ")
    messages = [json.loads(line) for line in lines if line != greeting]
    assert all(line.keys() >= {"time", "level", "logger", "message"} for line in messages)
    assert any("startup complete" in line["message"] for line in messages)


def test_the_numbers_of_all_workers_are_added_up_by_model(server: Server, bundle_file: Path) -> None:
    model = bundle_file.stem
    of_predict = {"route": "/predict", "status": "200", "model": model}

    def counted() -> list[float]:
        return [
            server.metric("puntual_request_seconds_count", **of_predict),
            server.metric("puntual_batch_flights_sum", model=model),
            server.metric("puntual_late_probability_count", model=model),
            server.metric("puntual_journal_written_total"),
        ]

    # Until the workers have counted all that was asked of them before.
    readings = [counted()]
    while len(readings) < 5 or readings[-1] != readings[-5]:
        readings.append(counted())
        time.sleep(0.1)
    before = readings[-1]
    late = [one["late_probability"] for one in ask(server).json()["predictions"]]
    for _ in range(29):
        ask(server, flights=2)
    expected = [requests + added for requests, added in zip(before, [30, 59, 59, 59], strict=True)]
    assert until(lambda: counted() == expected)
    average = server.metric("puntual_late_probability_sum", model=model) / expected[2]
    assert average == pytest.approx(late[0])


def test_the_exposition_is_one_that_prometheus_reads_and_names_every_metric(server: Server) -> None:
    answer = server.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families.keys() == {name.removesuffix("_total") for name in metrics.ALL}
    assert all(family.documentation for family in families.values())
    (champion,) = families["puntual_champion_info"].samples
    assert champion.value == 2


def test_every_metric_is_in_the_guide() -> None:
    page = Path(__file__).parents[3] / "docs" / "guide" / "serve.md"
    text = page.read_text(encoding="utf-8")
    assert [name for name in metrics.ALL if f"`{name}`" not in text] == []


def broken() -> None:
    raise RuntimeError("a secret of the service")


@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("GET", "/models/champion")])
def test_of_a_fault_of_its_own_the_service_tells_the_log_alone(
    bundle_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
) -> None:
    monkeypatch.setattr(ServingModel, "champion", lambda _: broken())
    gateway = create_app(Settings(bundle=str(bundle_file), state=str(tmp_path), journal="off"))
    answer = asyncio.run(asked_of(gateway, method, path))
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    (record,) = (record for record in caplog.records if record.exc_info)
    line = json.loads(JsonLines().format(record))
    assert (line["request_id"], line["traceparent"]) == ("seven", TRACE)
    assert "a secret of the service" in line["trace"]


async def asked_of(gateway: Gateway, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(gateway, raise_app_exceptions=False)
    headers = {"x-request-id": "seven", "traceparent": TRACE}
    async with httpx.AsyncClient(transport=transport, base_url="http://puntual") as client:
        return await client.request(method, path, json={"flights": [FLIGHT]}, headers=headers)
