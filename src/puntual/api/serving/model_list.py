"""`GET /models`: the versions of the registry, as far as each can be read."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import get
from litestar.datastructures import State
from msgspec import Meta

from puntual.api.described import describe_problems
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel
from puntual.api.serving.training_report import report_file
from puntual.errors import PuntualError
from puntual.registry.registry import ListedBundle


class ListedModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A bundle of the registry; of one that cannot be read there is the reason alone."""

    version: Annotated[str, Meta(examples=["4de6c0f2a1b3d5e7"])]
    is_champion: bool
    answers: Annotated[bool, Meta(description="Whether it is the one that answers now.")]
    created: str | None = None
    trained_until: str | None = None
    candidate: str | None = None
    broken: str | None = None
    report: Annotated[bool, Meta(description="Whether the report of its training can be read here.")] = False


@get(
    "/models",
    operation_id="getModels",
    summary="See which models there are",
    tags=["models"],
    responses=describe_problems(503),
)
async def get_models(state: State) -> list[ListedModel]:
    """List the bundles of the registry, the newest first and those that cannot be read last."""
    service: ServingModel = state.service
    try:
        bundles = await service.versions()
    except PuntualError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"the models cannot be listed: {error}") from error
    answering = "" if service.batcher is None else service.batcher.version
    return [_listed(bundle, answering, service.settings.reports) for bundle in bundles]


def _listed(bundle: ListedBundle, answering: str, reports: str) -> ListedModel:
    manifest = bundle.manifest
    if manifest is None:
        return ListedModel(bundle.version, bundle.champion, bundle.version == answering, broken=bundle.broken)
    return ListedModel(
        bundle.version,
        bundle.champion,
        bundle.version == answering,
        manifest.created.isoformat(),
        manifest.period[1].date().isoformat(),
        manifest.candidate,
        report=report_file(reports, bundle.version) is not None,
    )
