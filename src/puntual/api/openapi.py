"""The OpenAPI document: the framework's of the routes, msgspec's of the types that are decoded by it.

`airport-code`, `destination-code`, `iata-code`, `flight-time`, `recent-flight-time`, `local-flight-time`,
`day-or-flight-time` and `arrival-date` are formats of our own, named where a pattern could not say which ones exist.
"""

from collections.abc import Mapping
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, get_args

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Reference, SecurityScheme

from puntual.api.amadeus.tokens import Credentials
from puntual.api.described import COMPONENT, HEAD_MEANINGS, either
from puntual.api.github.deliveries import OtherEvent, Push, Release
from puntual.api.invocations.table_types import (
    InputsTable,
    InstancesTable,
    InvokedFlight,
    InvokedSclFlight,
    RecordsTable,
)
from puntual.api.live.board_stream import BoardPart
from puntual.api.live.event_intake import EventsRequest
from puntual.api.live.flight_marks import MarkRequest
from puntual.api.predict.contract import PredictAnswer, PredictRequest, ScheduledFlight
from puntual.api.predict.santiago import SclFlight
from puntual.api.problems import MEDIA_TYPE, ProblemDetails
from puntual.api.serving.timetable_routes import TimetableFlight
from puntual.operations.event_contract import SentEvent

_DESCRIPTION = """How likely flights are to be late, by how much, and why.

Ask `POST /predict` about flights. Give the airport's coming flights with `PUT /timetable`, so that congestion
is counted rather than taken from a typical week. Once there is a key (`puntual keys create NAME`), send it as
`X-API-Key` or as `Authorization: Bearer`.
"""
# What the framework's document lacks, or says less exactly.
_DECODED: tuple[type[msgspec.Struct], ...] = (
    PredictRequest,
    PredictAnswer,
    SclFlight,
    TimetableFlight,
    EventsRequest,
    BoardPart,
    MarkRequest,
    *get_args(SentEvent),
    InvokedFlight,
    InvokedSclFlight,
    RecordsTable,
    InputsTable,
    InstancesTable,
    Push,
    Release,
    OtherEvent,
    Credentials,
)


def configuration(more: Mapping[str, SecurityScheme]) -> OpenAPIConfig:
    """Configure what the framework writes; `more` are ways to be known besides by a key."""
    schemes: dict[str, SecurityScheme | Reference] = {
        "key": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
        "bearer": SecurityScheme(type="http", scheme="bearer"),
        **more,
    }
    return OpenAPIConfig(
        title="Puntual",
        version=version("puntual"),
        description=_DESCRIPTION,
        components=Components(security_schemes=schemes),
        security=[{}, {"key": []}, {"bearer": []}],
        use_handler_docstrings=True,
        path="/openapi.json",
        render_plugins=[_Exact()],
    )


def document(written: dict[str, Any]) -> dict[str, Any]:
    """Make the framework's document say all of what is decoded, and what is refused before a route is looked up."""
    # The framework leaves out that a field which is not known is refused, and the formats.
    _, exact = msgspec.json.schema_components(_DECODED, ref_template=COMPONENT)
    for kind in _DECODED:
        schema = exact[kind.__name__]
        schema |= {"description": cleandoc(schema["description"])} | getattr(kind, "extra_json_schema", {})
    # Tried one after the other, where msgspec knows unions of tagged types alone.
    flights = exact["PredictRequest"]["properties"]["flights"]
    flights["items"] = either(ScheduledFlight, SclFlight).extra_json_schema
    parts = written["components"]
    paths = {
        path: {method: _with_head_problems(operation) for method, operation in operations.items()}
        for path, operations in written["paths"].items()
    }
    return written | {"paths": paths, "components": parts | {"schemas": parts["schemas"] | exact}}


def _with_head_problems(operation: dict[str, Any]) -> dict[str, Any]:
    """Add what the connection refuses to an operation, which may answer the same status for reasons of its own."""
    content = {MEDIA_TYPE: {"schema": {"$ref": COMPONENT.format(name=ProblemDetails.__name__)}}}
    refused = {
        status: {"description": meaning, "content": content} for status, meaning in HEAD_MEANINGS.items()
    }
    return operation | {"responses": refused | operation["responses"]}


class _Exact(JsonRenderPlugin):
    """The one address of the document, in place of those that the framework would add."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._body = b""

    def has_path(self, path: str) -> bool:
        """Stand for the framework's own address too, which would show its own words."""
        return path in ("/", "/openapi.json")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Write the exact document as JSON, once."""
        self._body = self._body or self.render_json(request, document(openapi_schema))
        return self._body
