"""The OpenAPI document: the framework's of the routes, msgspec's of the types that are decoded by it.

`airport-code`, `iata-code`, `flight-time`, `local-flight-time`, `arrival-date` and `flights-csv` are formats of our
own, named where a pattern could not say which ones exist.
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

_DESCRIPTION = "How likely flights are to be late, by how much, and why."
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
    either = [{"$ref": f"#/components/schemas/{name}"} for name in ("AskedFlight", "SclFlight")]
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
        self.request_body = RequestBody({"application/json": OpenAPIMediaType(schema=request)}, required=True)


@dataclass
class TakesTimetable(Operation):
    """Describes a body that is a table, which no type of Python stands for."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            {
                "text/csv": OpenAPIMediaType(
                    schema=Schema(type=OpenAPIType.STRING, format="flights-csv"),  # type: ignore[arg-type]
                ),
                "application/json": OpenAPIMediaType(schema=_timetable()),
            },
            description="All coming flights of the airport, each once: airline, flight_number, origin, destination, "
            "scheduled_departure (local, without an offset).",
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
