"""The application: its routes, how its errors are answered, and what runs beside them."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.exceptions import HTTPException

from puntual.api import amadeus, docs_page, openapi
from puntual.api.amadeus.airport_days import AirportDays
from puntual.api.auth.access_tokens import AccessTokens
from puntual.api.auth.guard import Guard
from puntual.api.auth.known_routes import KnownRoutes
from puntual.api.auth.own_key import get_key
from puntual.api.auth.rate_limit import RateLimit
from puntual.api.auth.token_secret import token_secret
from puntual.api.auth.verifier import Verifier
from puntual.api.github import webhook
from puntual.api.http.body import PatientBody
from puntual.api.http.cors import Cors
from puntual.api.http.framework_errors import problem_of
from puntual.api.http.gateway import Gateway
from puntual.api.http.process_tuning import FullRounds, give_back, settle
from puntual.api.http.response_headers import FAILURE
from puntual.api.invocations import routes as invocations
from puntual.api.invocations.workbook import read_workbook
from puntual.api.live import routes as live
from puntual.api.live.board_recorder import BoardRecorder
from puntual.api.live.board_stream import BoardStreams
from puntual.api.live.event_intake import EventIntake
from puntual.api.live.flight_events import get_flight_events
from puntual.api.live.known_now import KnownNow
from puntual.api.live.mark_intake import MarkIntake
from puntual.api.observability.access_log import AccessLog
from puntual.api.observability.metrics import Metrics
from puntual.api.predict.known_codes import CodeBook, get_codes
from puntual.api.problems import MEDIA_TYPE, ProblemError
from puntual.api.routes import ROUTES
from puntual.api.serving import champion_choice, timetable_routes
from puntual.api.serving.model_list import get_models
from puntual.api.serving.serving_model import ServingModel
from puntual.api.serving.training_report import get_report
from puntual.api.web import routes as web
from puntual.api.web.page_files import page_files
from puntual.operations import refused_lines
from puntual.operations.journal_writer import Journal
from puntual.settings import Settings

_LOG = logging.getLogger("puntual.api")
_TIDYING_SECONDS = 5.0
# Of what is no route of ours, such as files, any may be taken.
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


# Whose routes know the caller, and describe problems, in the words of their own protocol.
_ANSWER_BY_PATH = dict.fromkeys(amadeus.PATHS, amadeus.answer_problem)


def create_app(settings: Settings, *, is_replacement: bool = False) -> Gateway:
    """Build the application of one worker and load its champion; raise PuntualError for a bad bundle.

    The replacement of a worker that died does without it: it goes on from the bundle that answered last.
    """
    state = Path(settings.state)
    measured = Metrics(Path(settings.metrics) if settings.metrics else None)
    place = settings.journal_place()
    retention = timedelta(days=settings.retention)
    journal = Journal(place, refused=state / refused_lines.NAME, retention=retention) if place else None
    service = ServingModel(settings, measured, journal)
    events, marks = EventIntake(settings, measured), MarkIntake(settings)
    service.known_now = KnownNow(events.board, timedelta(minutes=settings.live_max_age))
    service.load(is_replacement=is_replacement)
    recorder = BoardRecorder(service, events.board, state, timedelta(minutes=settings.live_max_age))
    log = AccessLog(sys.stdout if settings.log == "info" else None)
    verifier = None if settings.auth == "none" else Verifier(state, settings.keys)
    tokens = AccessTokens(token_secret(state, settings.token_secret), settings.token_seconds)
    always = settings.auth == "always"
    guard = Guard(verifier, _rate_limit(settings), tokens, always=always, elsewhere=_ANSWER_BY_PATH)

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        log.start()
        if journal is not None:
            journal.start()
        await events.rebuild()
        await service.look_around()
        tasks = {
            asyncio.create_task(service.watch()),
            asyncio.create_task(events.follow()),
            asyncio.create_task(marks.follow()),
            asyncio.create_task(recorder.run()),
            asyncio.create_task(_tidy()),
        }
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, AttributeError):
            loop.add_signal_handler(signal.SIGHUP, service.reload_soon)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        events.close()
        marks.close()
        service.close()
        log.close()

    inner = Litestar(
        [
            *ROUTES,
            Router(
                "/", route_handlers=timetable_routes.ROUTES, request_max_body_size=settings.timetable_limit
            ),
            *live.ROUTES,
            get_codes,
            get_models,
            get_key,
            get_report,
            get_flight_events,
            *champion_choice.ROUTES,
            webhook.take_delivery,
            *amadeus.ROUTES,
            *invocations.ROUTES,
            read_workbook,
            *docs_page.ROUTES,
            *web.ROUTES,
        ],
        lifespan=[running],
        middleware=[PatientBody(settings.patience)],
        request_max_body_size=settings.body_limit,
        after_exception=[_keep_reason],
        exception_handlers={ProblemError: _answer_problem, HTTPException: _http_error, Exception: _failure},
        openapi_config=openapi.configuration(amadeus.SECURITY | webhook.SECURITY),
        logging_config=None,
    )
    guard.routes = KnownRoutes((route.path, getattr(route, "methods", _METHODS)) for route in inner.routes)
    inner.state.service, inner.state.guard, inner.state.events = service, guard, events
    inner.state.days, inner.state.webhook = AirportDays(service), webhook.Webhook(settings)
    inner.state.codes, inner.state.marks = CodeBook(service), marks
    inner.state.changes = champion_choice.ChampionChanges(settings, service)
    inner.state.streams = streams = BoardStreams(service, events.board, marks.feed, guard)
    # Compressed before anybody asks for it.
    page_files()
    settle()
    return Gateway(inner, service, guard, log, Cors(settings.cors_origins), end_streams=streams.end)


def _rate_limit(settings: Settings) -> RateLimit:
    """Hold keys to their rate over all workers, which share a folder."""
    if not settings.metrics:
        return RateLimit(settings.rate, settings.burst)
    if sys.platform == "win32":
        # Without the system's locks each worker admits its share.
        return RateLimit(settings.rate / settings.workers, max(1, settings.burst // settings.workers))
    from puntual.api.auth.shared_buckets import NAME, SharedBuckets

    return RateLimit(settings.rate, settings.burst, SharedBuckets(Path(settings.metrics) / NAME))


async def _tidy() -> None:
    rounds = FullRounds()
    while True:
        await asyncio.sleep(_TIDYING_SECONDS)
        await asyncio.get_running_loop().run_in_executor(None, give_back)
        rounds.look()


async def _keep_reason(error: Exception, scope: Any) -> None:
    """Let the access log say why a request was refused."""
    call = scope["state"].get("call", {})
    if isinstance(error, ProblemError):
        call["reason"] = str(error)
    else:
        call["reason"] = error.detail if isinstance(error, HTTPException) else FAILURE


def _answer_problem(request: Request[Any, Any, Any], problem: ProblemError) -> Response[bytes]:
    answer = _ANSWER_BY_PATH.get(request.url.path)
    if answer is not None:
        return answer(problem)
    return Response(
        problem.body, status_code=int(problem.status), media_type=MEDIA_TYPE, headers=problem.headers
    )


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    return _answer_problem(request, problem_of(request, error))


def _failure(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Tell of a fault of ours without its trace, which goes to the log."""
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error, extra=request.state.call)
    return _answer_problem(request, ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, FAILURE))
