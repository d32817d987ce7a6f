"""The OpenAPI document: the framework's of the routes, msgspec's of the types that are decoded by it.

`airport-code`, `destination-code`, `iata-code`, `flight-time`, `local-flight-time`, and `arrival-date` are formats of
our own, named where a pattern could not say which ones exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    Operation,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType

from puntual.api.predict.contract import PredictAnswer, PredictRequest
from puntual.api.predict.santiago import SclFlight

_DESCRIPTION = """How likely flights are to be late, by how much, and why.

Ask `POST /predict` about flights. Give the airport's coming flights with `PUT /timetable`, so that congestion
is counted rather than taken from a typical week. Once there is a key (`puntual keys create NAME`), send it as
`X-API-Key` or as `Authorization: Bearer`.
"""
# An example that works as it stands, whatever the model.
FLIGHT = {
    "airline": "LAN",
    "flight_number": "226",
    "origin": "SCL",
    "destination": "MIA",
    "scheduled_departure": "2017-10-03T23:30",
}
_EXACT = (PredictRequest, PredictAnswer, SclFlight)


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
        path="/schema",
        render_plugins=[_Exact()],
    )


def document(written: dict[str, Any]) -> dict[str, Any]:
    """Make the framework's document say all of what is decoded."""
    # The framework leaves out that a field which is not known is refused, and the formats.
    _, exact = msgspec.json.schema_components(_EXACT, ref_template="#/components/schemas/{name}")
    # Tried one after the other, where msgspec knows unions of tagged types alone.
    exact["SclFlight"]["minProperties"] = 1
    either = [{"$ref": f"#/components/schemas/{name}"} for name in ("ScheduledFlight", "SclFlight")]
    exact["PredictRequest"]["properties"]["flights"]["items"] = {"anyOf": either}
    parts = written["components"]
    return written | {"components": parts | {"schemas": parts["schemas"] | exact}}


class _Exact(JsonRenderPlugin):
    """Shows the exact document at the framework's own address too."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Write it as JSON."""
        return self.render_json(request, document(openapi_schema))


@dataclass
class TakesFlights(Operation):
    """Describes a body in the words of the contract."""

    def __post_init__(self) -> None:
        request = Reference(ref="#/components/schemas/PredictRequest")
        self.request_body = RequestBody(
            {"application/json": OpenAPIMediaType(schema=request, example={"flights": [FLIGHT]})},
            description="1 to 1,000 flights.",
            required=True,
        )


@dataclass
class TakesTimetable(Operation):
    """Describes a body that is a table: numbers and true stand for text, and other columns may be there."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            # As CSV too: makers of clients warn of a media type that they do not know, so the text says it.
            {"application/json": OpenAPIMediaType(schema=_timetable(), example=[FLIGHT])},
            description="All coming flights of the airport, each once: airline, flight_number, origin, destination, "
            "scheduled_departure (local, without an offset). Or the same as CSV with a header, as `text/csv`.",
            required=True,
        )


def _timetable() -> Schema:
    text = Schema(type=[OpenAPIType.STRING, OpenAPIType.NUMBER, OpenAPIType.BOOLEAN], pattern=r"\S")
    airport = Schema(type=OpenAPIType.STRING, format="airport-code")  # type: ignore[arg-type]
    time = Schema(type=OpenAPIType.STRING, format="local-flight-time")  # type: ignore[arg-type]
    fields: dict[str, Reference | Schema] = {
        "airline": text,
        "flight_number": text,
        "origin": airport,
        "destination": airport,
        "scheduled_departure": time,
    }
    unused = Schema(type=[OpenAPIType.STRING, OpenAPIType.NUMBER, OpenAPIType.BOOLEAN, OpenAPIType.NULL])
    flight = Schema(
        type=OpenAPIType.OBJECT, properties=fields, required=list(fields), additional_properties=unused
    )
    return Schema(type=OpenAPIType.ARRAY, items=flight, min_items=1, unique_items=True)
