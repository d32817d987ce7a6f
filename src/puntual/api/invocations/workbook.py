"""`POST /tables`: the first sheet of a workbook (.xlsx) as CSV, where the extra that reads it is installed."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, post
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, RequestBody, Schema

from puntual.api.described import answers_text, describe_problems
from puntual.api.http.media_type import media_type
from puntual.api.problems import ProblemError

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# How that process ends where the extra `tables` is not installed, and for what is no workbook.
_MISSING, _UNREADABLE = 3, 4
_SECONDS = 30.0
_COMMAND = (sys.executable, "-m", "puntual.sources.workbook_csv")
# Each takes a process for a second; more than one at a time would be felt by those who predict.
_TURN = asyncio.Semaphore(1)
# Each that waits keeps its body in memory.
_MOST_WAITING = 8
# A workbook is a ZIP file; what is none needs no process to be refused.
_ZIP = b"PK"
# Makers of clients know no workbook, so that bytes of no kind are taken too and the text names the other.
_BYTES = "application/octet-stream"
_BODY = RequestBody(
    {_BYTES: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))},
    f"A workbook (.xlsx), as these bytes or as `{WORKBOOK}`.",
    required=True,
)


class _Places:
    """The workbooks that are read or wait, of which there are few."""

    def __init__(self) -> None:
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a place while the block lasts; raise ProblemError where all are taken."""
        if self._taken >= _MOST_WAITING:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._taken} workbooks wait already, of {_MOST_WAITING} that may; try again in a few seconds",
                headers={"retry-after": "5"},
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


_PLACES = _Places()


@post(
    "/tables",
    status_code=200,
    operation_id="readWorkbook",
    summary="Read a workbook as CSV",
    tags=["other clients"],
    operation_class=answers_text(
        "text/csv",
        "The rows of the first sheet below its header.",
        example="origin,destination,scheduled_departure\r\nJFK,MIA,2037-10-03T23:30\r\n",
        body=_BODY,
    ),
    responses=describe_problems(400, 408, 413, 415, 503),
)
async def read_workbook(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Write the first sheet of a workbook as CSV, which `POST /invocations` takes.

    A service without the extra `tables` reads none and answers 415, which says so.
    """
    kind = media_type(request.headers.get("content-type", ""))
    if kind not in (WORKBOOK, _BYTES):
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"media type {kind[:60]!r}: send {WORKBOOK}")
    with _PLACES.one():
        body = await request.body()
        if not body.startswith(_ZIP):
            raise ProblemError(
                HTTPStatus.BAD_REQUEST,
                "the body cannot be read as a workbook; send an .xlsx file, or CSV to `POST /invocations`",
            )
        async with _TURN:
            status, written, message = await _convert(body)
    if status == _MISSING:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "this service reads no .xlsx, since the extra is missing (pip install 'puntual[tables]'); send CSV",
        )
    if status == _UNREADABLE:
        raise ProblemError(HTTPStatus.BAD_REQUEST, message)
    if status:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the workbook cannot be read; save it as CSV")
    return Response(written, media_type="text/csv")


async def _convert(body: bytes) -> tuple[int, bytes, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        written, problem = await asyncio.wait_for(process.communicate(body), _SECONDS)
    except TimeoutError as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, f"the workbook took longer than {_SECONDS:g} s to read; send fewer rows"
        ) from error
    finally:
        # Also where the caller went away.
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, written, problem.decode(errors="replace")
