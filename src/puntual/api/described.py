"""What the OpenAPI document says of many routes alike: what is refused, and who may call."""

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import SecurityRequirement

from puntual.api.problems import MEDIA_TYPE, ProblemDetails

_MEANINGS = {
    400: "The body is not valid JSON, or a field is not what the schema says.",
    401: "A key is needed, or this one is not known.",
    408: "The body did not arrive in time.",
    409: "The bundle cannot be used; the former champion goes on.",
    413: "The body is too large.",
    415: "The media type is not understood.",
    422: "A field is well formed but means nothing, such as an unknown airport.",
    429: "The key asks about more flights than its rate allows.",
    503: "Too many flights wait, no model is loaded, or nothing can be written.",
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
