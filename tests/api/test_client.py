"""Clients are made from the document without a warning, and what they send is answered."""

import importlib
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import msgspec
import polars as pl
import pytest

from api.conftest import Server
from puntual.api.amadeus.tokens import Credentials
from puntual.api.github.deliveries import OtherEvent
from puntual.api.invocations.table_types import RecordsTable
from puntual.api.invocations.workbook import WORKBOOK
from puntual.api.live.board_stream import BoardPart
from puntual.api.live.event_intake import EventsRequest
from puntual.api.live.flight_marks import MarkRequest
from puntual.api.predict.contract import PredictRequest
from puntual.api.serving.timetable_routes import TimetableFlight

REFERENCE = re.compile(r'"\$ref":"#/components/schemas/\w+"')


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    openapi: dict[str, Any] = server.client.get("/openapi.json").raise_for_status().json()
    return openapi


@pytest.fixture(scope="module")
def made_client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that openapi-python-client makes of the document of a running service."""
    folder = tmp_path_factory.mktemp("client")
    words = ["--url", f"{server.url}/openapi.json", "--output-path", str(folder / "puntual_client")]
    config = folder / "config.yml"
    # Its hooks only format what was written.
    config.write_text("post_hooks: []\n")
    words += ["--meta", "none", "--config", str(config), "--fail-on-warning"]
    made = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", *words], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "warning" not in (made.stdout + made.stderr).lower()
    return folder


def test_a_client_made_of_the_document_asks_about_a_flight(
    server: Server, made_client: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(made_client)
    models = importlib.import_module("puntual_client.models")
    predict = importlib.import_module("puntual_client.api.predictions.predict")

    body = models.PredictRequest.from_dict(example_of(document, "/predict", "post"))
    with importlib.import_module("puntual_client").Client(base_url=server.url) as client:
        answer = predict.sync(client=client, body=body)

    assert 0 < answer.predictions[0].late_probability < 1


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def example_of(document: dict[str, Any], path: str, method: str) -> Any:
    ((_, body),) = document["paths"][path][method]["requestBody"]["content"].items()
    return body["example"]


def test_every_operation_speaks_to_people_and_names_are_given_once(document: dict[str, Any]) -> None:
    summaries = [operation["summary"] for _, _, operation in operations(document)]
    assert len(set(summaries)) == len(summaries)
    assert all(operation["description"] for _, _, operation in operations(document))
    titles = [schema["title"] for schema in document["components"]["schemas"].values() if "title" in schema]
    assert len(set(titles)) == len(titles)


def test_every_example_of_a_body_is_answered_as_it_stands(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    bodies = [(path, method) for path, method, one in operations(document) if "requestBody" in one]
    # A delivery of GitHub has to be signed with the secret of both sides, and a workbook cannot be written in JSON.
    for path, method in bodies:
        if path in ("/webhooks/github", "/tables"):
            continue
        example = example_of(document, path, method)
        sent = {"data": example} if path.endswith("/token") else {"json": example}
        assert client.request(method, path, **sent).status_code == 200, path


def test_every_example_of_a_query_is_answered_as_it_stands(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    for path, method, operation in operations(document):
        parameters = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
        wanted = {one["name"]: one["example"] for one in parameters if one.get("required")}
        if wanted:
            # No further than its head, since one of the answers has no end.
            with client.stream(method, path, params=wanted) as answer:
                assert answer.status_code == 200, path


DECODED_BY = {
    "/predict": PredictRequest,
    "/timetable": list[TimetableFlight],
    "/events": EventsRequest,
    "/flights/marks": MarkRequest,
    "/invocations": RecordsTable,
    "/webhooks/github": OtherEvent,
    "/v1/security/oauth2/token": Credentials,
}


def test_every_body_is_described_by_the_type_that_decodes_it(document: dict[str, Any]) -> None:
    bodies = {path: method for path, method, one in operations(document) if "requestBody" in one}
    assert bodies.keys() == DECODED_BY.keys() | {"/tables"}
    for path, decoded_by in DECODED_BY.items():
        ((_, body),) = document["paths"][path][bodies[path]]["requestBody"]["content"].items()
        assert REFERENCE.search(msgspec.json.encode(body["schema"]).decode()), path
        msgspec.json.decode(msgspec.json.encode(body["example"]), type=decoded_by)


def test_every_operation_says_what_is_refused_before_it(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        assert operation["responses"].keys() >= {"400", "408", "414", "431"}, path


def test_what_needs_a_key_is_locked(document: dict[str, Any]) -> None:
    locked = {
        (path, method)
        for path, method, operation in operations(document)
        if {} not in operation.get("security", document["security"])
    }
    assert locked == {
        ("/timetable", "put"),
        ("/timetable", "get"),
        ("/events", "post"),
        ("/flights/marks", "post"),
        ("/flights", "get"),
        ("/flights/events", "get"),
        ("/flights/stream", "get"),
        ("/models/reload", "post"),
        ("/models/rollback", "post"),
        ("/models/{version}/promote", "post"),
        ("/webhooks/github", "post"),
        ("/v1/travel/predictions/flight-delay", "get"),
        ("/v1/airport/predictions/on-time", "get"),
    }


def test_a_workbook_is_read_as_the_bytes_that_the_document_names(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    operation = document["paths"]["/tables"]["post"]
    ((media_type, content),) = operation["requestBody"]["content"].items()
    assert WORKBOOK in operation["requestBody"]["description"]
    assert content["schema"] == {"type": "string", "format": "binary"}
    workbook = BytesIO()
    pl.DataFrame({"origin": ["JFK"], "destination": ["MIA"]}).write_excel(workbook)

    for kind in (media_type, WORKBOOK):
        answer = client.post("/tables", content=workbook.getvalue(), headers={"content-type": kind})
        assert answer.headers["content-type"].partition(";")[0] in operation["responses"]["200"]["content"]
        assert answer.text.split() == ["origin,destination", "JFK,MIA"]
    refused = client.post("/tables", content=b"no workbook", headers={"content-type": media_type})
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        "the body cannot be read as a workbook; send an .xlsx file, or CSV to `POST /invocations`",
    )


def test_the_events_of_a_board_are_those_that_the_document_describes(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    answer = document["paths"]["/flights/stream"]["get"]["responses"]["200"]
    content = answer["content"]["text/event-stream"]
    assert content["schema"] == {"type": "string"}
    assert "BoardPart" in answer["description"]
    with client.stream("GET", "/flights/stream", params={"airport": "SCL"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        sent = [next(lines), next(lines)]

    for name, data in (sent, content["example"].splitlines()[:2]):
        assert name == "event: flights"
        part = msgspec.json.decode(data.removeprefix("data: "), type=BoardPart)
        assert part.airport == "SCL"
        assert (
            msgspec.to_builtins(part).keys()
            == document["components"]["schemas"]["BoardPart"]["properties"].keys()
        )
