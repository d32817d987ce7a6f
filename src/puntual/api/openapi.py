"""The OpenAPI document: the framework's of the routes, msgspec's of the types that are decoded by it.

`airport-code`, `flight-time`, `local-flight-time` and `flights-csv` are formats of our own, named where a
pattern could not say which ones exist.
"""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
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

from puntual.api import github
from puntual.api.contract import PredictAnswer, PredictRequest

_DESCRIPTION = "How likely flights are to be late, by how much, and why."
_EXACT = (PredictRequest, PredictAnswer)


def configuration() -> OpenAPIConfig:
    """Configure what the framework writes."""
    schemes: dict[str, SecurityScheme | Reference] = {
        "key": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
        "bearer": SecurityScheme(type="http", scheme="bearer"),
        "signature": SecurityScheme(type="apiKey", name=github.SIGNATURE, security_scheme_in="header"),
    }
    return OpenAPIConfig(
        title="Puntual",
        version=version("puntual"),
        description=_DESCRIPTION,
        components=Components(security_schemes=schemes),
        security=[{}, {"key": []}, {"bearer": []}],
        use_handler_docstrings=True,
        path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
    )


def document(application: Litestar) -> dict[str, Any]:
    """Write the document of an application."""
    written = application.openapi_schema.to_schema()
    # The framework leaves out that a field which is not known is refused, and the formats.
    _, exact = msgspec.json.schema_components(_EXACT, ref_template="#/components/schemas/{name}")
    written["components"]["schemas"] |= exact
    return written


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
