"""The route that GitHub's deliveries come to: refused unless signed, taken once, and answered before the work."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import SecurityScheme
from litestar.params import HeaderParameter
from msgspec import Meta

from puntual.api.described import takes
from puntual.api.github import deliveries as github
from puntual.api.github.deliveries import DeliveryLog
from puntual.api.observability import metrics
from puntual.api.problems import MEDIA_TYPE, ProblemDetails, ProblemError, shown
from puntual.api.serving.serving_model import ServingModel
from puntual.settings import Settings

# Anyone may send a body, and it has to be held until its signature is known.
_AT_ONCE = 4
_MEANINGS = {
    400: "The body is not valid JSON or not what the event says, or a header is missing.",
    401: "The delivery is not signed, or not with the secret of this service.",
    404: "The service takes no deliveries: PUNTUAL_WEBHOOK_SECRET is not set.",
    408: "The body did not arrive in time.",
    409: "This delivery was taken before.",
    413: "The body is too large.",
    415: "The media type is not application/json.",
    503: "Too many deliveries arrive at once, or they cannot be remembered.",
}
SECURITY = {"signature": SecurityScheme(type="apiKey", name=github.SIGNATURE, security_scheme_in="header")}
_CHALLENGE = {"www-authenticate": github.SIGNATURE}


class Taken(msgspec.Struct, frozen=True):
    """What became of a delivery."""

    outcome: Annotated[
        Literal["pong", "reloading", "ignored"],
        Meta(
            description="reloading: the champion is looked up in the registry; ignored: nothing was deployed."
        ),
    ]


class DeliveryError(ProblemError):
    """A delivery that is not taken, and the word that it is counted under."""

    def __init__(
        self, outcome: str, status: HTTPStatus, detail: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers=headers)
        self.outcome = outcome


EventHeader = Annotated[
    str,
    HeaderParameter(
        name=github.EVENT,
        required=True,
        description="What happened: ping, push, release or another.",
    ),
]
DeliveryHeader = Annotated[
    str,
    HeaderParameter(
        name=github.DELIVERY,
        required=True,
        description="The id of the delivery; each is taken once.",
    ),
]


class Webhook:
    """What a worker takes deliveries with: the secret, and its memory of those taken before."""

    def __init__(self, settings: Settings) -> None:
        self._secret, self._limit = settings.webhook_secret, settings.body_limit
        self._deliveries = DeliveryLog(Path(settings.state))
        self._reading = asyncio.Semaphore(_AT_ONCE)

    async def take(self, request: Request[Any, Any, Any], event: str, delivery: str) -> Taken:
        """Take a delivery; raise ProblemError for one that is not to be taken."""
        if not self._secret:
            raise DeliveryError(
                "off",
                HTTPStatus.NOT_FOUND,
                "the service takes no deliveries; set PUNTUAL_WEBHOOK_SECRET to the secret of the webhook",
            )
        headers: dict[bytes, bytes] = dict(request.scope["headers"])
        body = await self._signed_body(request, headers)
        if not event or not github.is_delivery(delivery):
            raise DeliveryError(
                "malformed",
                HTTPStatus.BAD_REQUEST,
                f"{github.EVENT} is {shown(event)} and {github.DELIVERY} is {shown(delivery)}; "
                "send the event's name, and a UUID of the delivery's own",
            )
        deploys = _deploys(event, body)
        await self._claim(delivery)
        if github.is_ping(event):
            return Taken("pong")
        return Taken("reloading" if deploys else "ignored")

    async def _signed_body(self, request: Request[Any, Any, Any], headers: dict[bytes, bytes]) -> bytes:
        signature = headers.get(github.SIGNATURE.lower().encode())
        if signature is None:
            raise DeliveryError(
                "unsigned",
                HTTPStatus.UNAUTHORIZED,
                f"the delivery has no {github.SIGNATURE}; give the webhook its secret at GitHub",
                _CHALLENGE,
            )
        kind = _header(headers, "content-type")
        if kind.partition(";")[0].strip().lower() != github.MEDIA_TYPE:
            raise DeliveryError(
                "media_type",
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"media type {shown(kind)} is not understood; choose {github.MEDIA_TYPE} as the content type "
                "of the webhook at GitHub",
            )
        body = await self._read(request)
        if not github.is_signed(self._secret, body, signature):
            raise DeliveryError(
                "wrong_signature",
                HTTPStatus.UNAUTHORIZED,
                "the delivery is not signed with the secret of this service; "
                "make PUNTUAL_WEBHOOK_SECRET and the secret at GitHub the same",
                _CHALLENGE,
            )
        return body

    async def _read(self, request: Request[Any, Any, Any]) -> bytes:
        if self._reading.locked():
            raise DeliveryError(
                "busy",
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too many deliveries arrive at once; send it again",
                {"retry-after": "5"},
            )
        async with self._reading:
            try:
                return await request.body()
            except RequestEntityTooLarge as error:
                raise DeliveryError(
                    "too_large",
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"the delivery is larger than {self._limit:,} bytes; raise PUNTUAL_BODY_LIMIT",
                    {"connection": "close"},
                ) from error

    async def _claim(self, delivery: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            is_new = await loop.run_in_executor(None, self._deliveries.claim, delivery)
        except OSError as error:
            raise DeliveryError(
                "failed",
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"the delivery cannot be remembered ({error.strerror}); let the state folder be written to",
            ) from error
        if not is_new:
            raise DeliveryError(
                "repeated", HTTPStatus.CONFLICT, f"delivery {delivery} was taken before; it is ignored"
            )


@post(
    github.PATH,
    status_code=200,
    operation_id="takeDelivery",
    summary="Take a delivery of GitHub's webhook",
    operation_class=takes(
        github.Push,
        github.Release,
        github.OtherEvent,
        example=github.Ping("Keep it logically awesome.", 0),
        description="The event as GitHub describes it; the signature is over these bytes.",
        media_type=github.MEDIA_TYPE,
    ),
    tags=["models"],
    security=[{"signature": []}],
    responses={
        202: ResponseSpec(Taken, generate_examples=False, description="The champion is being looked for."),
        **{
            status: ResponseSpec(
                ProblemDetails, generate_examples=False, description=meaning, media_type=MEDIA_TYPE
            )
            for status, meaning in _MEANINGS.items()
        },
    },
)
async def take_delivery(
    request: Request[Any, Any, Any],
    state: State,
    # Empty where it is missing: that is refused and counted here, and only once the signature is known to be right.
    event: EventHeader = "",
    delivery: DeliveryHeader = "",
) -> Response[Taken]:
    """Take a delivery of a GitHub webhook, and fetch the champion when it may have changed.

    A push to the default branch that changed models/model_to_deploy does, and a published release; it is fetched
    after the answer. Each delivery is taken once, and only if it is signed with the secret of both sides.
    """
    # Raw, since the signature is over the bytes as they came, and nothing is decoded before it is known to be right.
    service: ServingModel = state.service
    webhook: Webhook = state.webhook
    try:
        taken = await webhook.take(request, event, delivery)
    except ProblemError as problem:
        outcome = problem.outcome if isinstance(problem, DeliveryError) else "interrupted"
        service.metrics.count(metrics.WEBHOOKS, outcome)
        raise
    service.metrics.count(metrics.WEBHOOKS, taken.outcome)
    if taken.outcome != "reloading":
        return Response(taken)
    service.reload_soon()
    return Response(taken, status_code=HTTPStatus.ACCEPTED)


def _deploys(event: str, body: bytes) -> bool:
    try:
        return github.deploys(event, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DeliveryError(
            "malformed",
            HTTPStatus.BAD_REQUEST,
            f"the body is no {shown(event)} event in JSON: {error}",
        ) from error


def _header(headers: dict[bytes, bytes], name: str) -> str:
    return headers.get(name.lower().encode(), b"").decode("latin-1")
