"""`GET /models/{version}/report`: what training wrote about a version for people, where its file is here."""

import re
from http import HTTPStatus
from pathlib import Path

from litestar import MediaType, Response, get
from litestar.datastructures import State
from litestar.params import FromPath

from puntual.api.described import describe_problems
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel

_VERSION = re.compile(r"[0-9a-f]{16}")
# It has styles and figures of its own, and no scripts; whatever stands in it does nothing and asks nobody.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"


def report_file(folder: str, version: str) -> Path | None:
    """Give the report of a version in a folder, or None where there is none."""
    file = Path(folder) / f"{version}.html"
    return file if _VERSION.fullmatch(version) and file.is_file() else None


@get(
    "/models/{version:str}/report",
    operation_id="getReport",
    summary="Read the report of a training",
    tags=["models"],
    media_type=MediaType.HTML,
    responses=describe_problems(400, 404),
)
async def get_report(state: State, version: FromPath[str]) -> Response[bytes]:
    """Give the report of the training that made a version, as one page with nothing to fetch from elsewhere."""
    service: ServingModel = state.service
    folder = service.settings.reports
    file = report_file(folder, version)
    if file is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            f"no report of {version[:16]!r} is in {folder}; PUNTUAL_REPORTS names the folder that "
            "`puntual train --reports` wrote to",
        )
    body = await service.apart(file.read_bytes)
    return Response(body, media_type="text/html; charset=utf-8", headers={"content-security-policy": _POLICY})
