"""What `POST /invocations` answers, and how the OpenAPI document describes what it takes.

The document shows the shapes that a schema can say exactly. `dataframe_split`, and `inputs` as columns, want as many
cells as there are columns or rows, which none can say: they are in the description alone.
"""

from dataclasses import dataclass

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from puntual.api.openapi import FLIGHT
from puntual.api.predict.contract import LONGEST_CODE, MOST_FLIGHTS, PredictedFlight
from puntual.prediction.predictions import BAND_NAMES
from puntual.sources.scl_words import AIRLINES, INTERNATIONAL, MONTHS, WORDS


class InvokedRow(msgspec.Struct, frozen=True):
    """The prediction of one flight, flat, under the names that `puntual predict` writes.

    `missing` are the fields that were not given, apart by spaces, and `warnings` the codes of the warnings, by
    semicolons.
    """

    late_probability: float
    up_to_15: float = msgspec.field(name=BAND_NAMES[0])
    from_15: float = msgspec.field(name=BAND_NAMES[1])
    from_30: float = msgspec.field(name=BAND_NAMES[2])
    from_60: float = msgspec.field(name=BAND_NAMES[3])
    from_120: float = msgspec.field(name=BAND_NAMES[4])
    expected_delay_minutes: float
    p50: float
    p80: float
    p95: float
    late: bool
    support_airline: int
    support_route: int
    support_flight: int
    timetable: str
    history_until: str | None
    horizon_minutes: int | None
    missing: str
    warnings: str

    @classmethod
    def of(cls, prediction: PredictedFlight) -> "InvokedRow":
        """Lay a prediction flat."""
        bands, quantiles = prediction.bands, prediction.delay_quantiles
        return cls(
            prediction.late_probability,
            bands.up_to_15,
            bands.from_15,
            bands.from_30,
            bands.from_60,
            bands.from_120,
            prediction.expected_delay_minutes,
            quantiles.p50,
            quantiles.p80,
            quantiles.p95,
            prediction.late,
            prediction.support.airline,
            prediction.support.route,
            prediction.support.flight,
            prediction.timetable,
            prediction.history_until,
            prediction.horizon_minutes,
            " ".join(prediction.missing or ()),
            ";".join(warning.code for warning in prediction.warnings),
        )


class Invoked(msgspec.Struct, frozen=True):
    """The predictions, in the order of the rows."""

    predictions: list[InvokedRow]


class InvocationError(msgspec.Struct, frozen=True):
    """What is wrong, as MLflow's scoring server says it."""

    error_code: str
    message: str


@dataclass
class TakesInvocations(Operation):
    """Describes a body that is a table in one of several shapes, and the two media types of the answer."""

    def __post_init__(self) -> None:
        bodies = [_body(name) for name in ("dataframe_records", "inputs", "instances")]
        self.request_body = RequestBody(
            {
                # As CSV too: makers of clients warn of a media type that they do not know, so the text says it.
                "application/json": OpenAPIMediaType(
                    schema=Schema(any_of=bodies), example={"dataframe_records": [FLIGHT]}
                ),
            },
            description="Rows with origin, destination and scheduled_departure, and airline and flight_number where "
            "they are known, or in the words of the Santiago table, and perhaps as_of. Exactly one of "
            "dataframe_records, inputs and instances; or dataframe_split with columns and data; or inputs as an object "
            "of columns of one length. Or rows below a header as CSV, as `text/csv`.",
            required=True,
        )
        answer = (self.responses or {}).get("200")
        if answer is not None and not isinstance(answer, Reference) and answer.content is not None:
            answer.content["text/csv"] = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))


def _body(name: str) -> Schema:
    rows = Schema(
        type=OpenAPIType.ARRAY,
        items=Schema(any_of=[_own(), _santiago()]),
        min_items=1,
        max_items=MOST_FLIGHTS,
    )
    params = Schema(
        type=OpenAPIType.OBJECT, properties={"as_of": _or_null(_time())}, additional_properties=False
    )
    return Schema(
        type=OpenAPIType.OBJECT, properties={name: rows, "params": _or_null(params)}, required=[name]
    )


def _own() -> Schema:
    airport = _formatted("airport-code")
    fields: dict[str, Reference | Schema] = {
        "airline": _or_null(_code()),
        "flight_number": _or_null(_number()),
        "origin": airport,
        "destination": _formatted("destination-code"),
        "scheduled_departure": _time(),
    }
    return Schema(
        type=OpenAPIType.OBJECT,
        properties=fields | {"as_of": _or_null(_time())},
        required=["origin", "destination", "scheduled_departure"],
    )


def _santiago() -> Schema:
    airport = _formatted("airport-code")
    fields: dict[str, Schema] = {
        "Fecha-I": _time(),
        "Vlo-I": _number(),
        "Ori-I": airport,
        "Des-I": _formatted("destination-code"),
        "Emp-I": _code(),
        "OPERA": Schema(enum=list(AIRLINES)),
        "TIPOVUELO": Schema(enum=list(INTERNATIONAL)),
        "MES": Schema(enum=[*range(1, 13), *MONTHS]),
        "SIGLADES": Schema(type=OpenAPIType.STRING),
    }
    return Schema(
        type=OpenAPIType.OBJECT,
        properties={name: _or_null(schema) for name, schema in (fields | {"as_of": _time()}).items()},
        any_of=[Schema(required=[word]) for word in WORDS],
    )


def _code() -> Schema:
    return Schema(type=OpenAPIType.STRING, min_length=1, max_length=LONGEST_CODE, pattern="^[0-9A-Za-z]+$")


def _number() -> Schema:
    whole = Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=10**LONGEST_CODE - 1)
    return Schema(any_of=[_code(), whole])


def _time() -> Schema:
    return _formatted("flight-time")


def _or_null(schema: Schema) -> Schema:
    return Schema(any_of=[schema, Schema(type=OpenAPIType.NULL)])


def _formatted(name: str) -> Schema:
    return Schema(type=OpenAPIType.STRING, format=name)  # type: ignore[arg-type]
