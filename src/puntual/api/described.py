"""What the OpenAPI document says of many routes alike: what is taken, what is refused, and who may call."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityRequirement,
)

from puntual.api.problems import MEDIA_TYPE, ProblemDetails

COMPONENT = "#/components/schemas/{name}"
_MEANINGS = {
    400: "The body is not valid JSON, or a field is not what the schema says.",
    401: "A key is needed, or this one is not known.",
    403: "The key may not do this.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "The bundle cannot be used; the former champion goes on.",
    413: "The body is too large.",
    415: "The media type is not understood.",
    422: "A field is well formed but means nothing, such as an unknown airport.",
    429: "The key asks about more flights than its rate allows.",
    503: "Too many flights wait, no model is loaded, or nothing can be written.",
}
# What a connection refuses before any route is looked up.
HEAD_MEANINGS = {
    "400": "The head of the request is no HTTP, or names no host or two.",
    "408": "The head of the request did not arrive in time.",
    "414": "Path and query are too long.",
    "431": "The headers are too large.",
}
WITH_A_KEY: list[SecurityRequirement] = [{"key": []}, {"bearer": []}]
OPEN_TO_ALL: list[SecurityRequirement] = [{}]


def describe_problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Describe the problem details of a route by their statuses; those of keys are always among them."""
    return {
        status: ResponseSpec(
            ProblemDetails, generate_examples=False, description=_MEANINGS[status], media_type=MEDIA_TYPE
        )
        for status in (*statuses, 401, 429)
    }


def with_examples(**examples: str) -> type[Operation]:
    """Describe a route whose required parameters have examples, which the framework would leave to the schema."""

    @dataclass
    class WithExamples(Operation):
        def __post_init__(self) -> None:
            for parameter in self.parameters or ():
                if isinstance(parameter, Parameter) and parameter.name in examples:
                    parameter.example = examples[parameter.name]

    return WithExamples


def takes(
    *types: Any,
    example: Any,
    description: str,
    media_type: str = "application/json",
    answers_csv: bool = False,
) -> type[Operation]:
    """Describe a body by the types that decode it, any one of them, and by an instance.

    For routes that need the bytes as they came: to check a signature, or since CSV may stand in the same place. Makers
    of clients warn of a body whose media type they do not know, so that the description says where CSV may.
    """
    schemas, _ = msgspec.json.schema_components(types, ref_template=COMPONENT)
    content: Any = OpenAPIMediaType(
        schema=one_of(schemas), example=msgspec.json.decode(msgspec.json.encode(example))
    )

    @dataclass
    class Takes(Operation):
        def __post_init__(self) -> None:
            self.request_body = RequestBody({media_type: content}, description, required=True)
            for parameter in self.parameters or ():
                # What is required has no default: the handler's only leaves it to the handler to refuse.
                if isinstance(parameter, Parameter) and isinstance(parameter.schema, Schema):
                    parameter.schema.default = None if parameter.required else parameter.schema.default
            answer = (self.responses or {}).get("200")
            # The framework knows one media type of an answer, that of the handler's type.
            if answers_csv and isinstance(answer, OpenAPIResponse) and answer.content is not None:
                text: Any = msgspec.json.schema(str)
                answer.content["text/csv"] = OpenAPIMediaType(schema=text)

    return Takes


def takes_query(query: type[msgspec.Struct]) -> type[Operation]:
    """Describe the parameters of a query by the type that it is checked against.

    For routes whose refusals are another's, who wants all that is wrong with a query named at once: the framework would
    refuse it before they are asked, and in words of its own.
    """
    schemas: dict[str, Any] = msgspec.json.schema(query)["$defs"][query.__name__]["properties"]
    parameters = [_parameter(name, dict(schema)) for name, schema in schemas.items()]

    @dataclass
    class TakesQuery(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*parameters]

    return TakesQuery


def _parameter(name: str, schema: Any) -> Parameter:
    meaning, (example,) = schema.pop("description"), schema.pop("examples")
    described = f"Such as {example}: {meaning}."
    return Parameter(name, "query", schema, described, required=True, example=example)


def answers_text(
    media_type: str,
    description: str,
    *,
    example: str | None = None,
    body: RequestBody | None = None,
    **examples: str,
) -> type[Operation]:
    """Describe a route whose answer is text of another kind than JSON, with a body that is no JSON if it takes one.

    The framework knows such an answer by the type of its handler alone, which tells nothing of what stands in it.
    """
    text: Any = msgspec.json.schema(str)
    content = OpenAPIMediaType(schema=text, example=example)

    @dataclass
    class AnswersText(with_examples(**examples)):  # type: ignore[misc]
        def __post_init__(self) -> None:
            super().__post_init__()
            self.request_body = body
            self.responses |= {"200": OpenAPIResponse(description, content={media_type: content})}

    return AnswersText


def one_of(schemas: Any) -> Any:
    """Join schemas of which any one may hold, where msgspec knows unions of tagged types alone."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": [*schemas]}


def either(*types: type[msgspec.Struct]) -> msgspec.Meta:
    """Describe a value, left as it came by `msgspec.Raw`, by the types that are tried on it one after the other."""
    return msgspec.Meta(
        extra_json_schema=one_of([{"$ref": COMPONENT.format(name=one.__name__)} for one in types])
    )
