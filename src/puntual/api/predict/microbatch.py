"""One champion with one timetable, answering requests: those that wait at the same moment are answered together."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from puntual.api.live.known_now import KnownNow
from puntual.api.observability import metrics
from puntual.api.observability.metrics import Metrics
from puntual.api.predict.contract import PredictedFlight, PredictRequest
from puntual.api.predict.flight_resolution import Moments, keys_of, moments_of, resolve
from puntual.api.predict.resolved_flight import ResolvedFlight, ResolvedRequest
from puntual.api.predict.response import Answered, complete, head_of, rows_of
from puntual.api.problems import ProblemError
from puntual.api.serving.shadow import Shadow
from puntual.features.timetable import Timetable
from puntual.prediction.predictor import Predictor

# So many that were never asked about cost the loop 3 to 4 ms of processor time; twice as many, 6 ms.
_LIGHT_FLIGHTS = 32
# Where events may tell of them, what is known now takes half as long again.
_LIGHT_FLIGHTS_NOW = 16
# Reasons ask the model about 64 vectors a flight.
_REASON_ROWS = 64
Finished = TypeVar("Finished")


class Asker(Protocol):
    """Who asked, and waits for the answer."""

    def take(self, answered: Answered) -> None:
        """Take the answer."""

    def fail(self, error: Exception) -> None:
        """Take the reason why there is none."""


class _Waiting(NamedTuple):
    flights: list[ResolvedFlight]
    cut_offs: list[Moments]
    asker: Asker
    # When each flight is looked at, in UTC; nothing while nobody tells of any.
    seen_at: list[datetime]


class MicroBatcher:
    """Answers requests by one bundle and one timetable; when either changes, another takes its place."""

    def __init__(
        self,
        predictor: Predictor,
        known: Timetable,
        *,
        queue: int,
        executor: Executor,
        measured: Metrics,
        shadow: Shadow | None = None,
        known_now: KnownNow | None = None,
    ) -> None:
        """Get ready to answer; `queue` is how many flights may wait.

        Each batch is counted in `measured`, and given to the `shadow` to compare. `known_now` adds to each answer what
        events tell of its flights.
        """
        self.predictor = predictor
        self.known = known
        self.version = predictor.bundle.version
        self._waiting = {True: 0, False: 0}
        self._queue, self._executor, self._metrics, self._shadow = queue, executor, measured, shadow
        self._threshold = predictor.bundle.manifest.threshold
        self._batch: list[_Waiting] = []
        self._head = head_of(predictor.bundle)
        self._known_now = known_now

    def ask(self, request: PredictRequest | ResolvedRequest, now: datetime, asker: Asker) -> None:
        """Take a request of at most `light_flights`, answered once the loop turns, with all that have come by then.

        Raise ProblemError where a field means nothing, or where too many flights wait.
        """
        flights = self._resolved(request)
        cut_offs = moments_of(flights, request.as_of, now)
        seen_at = self._seen_at(flights, request.as_of, now)
        self._enter(len(flights), apart=False)
        self._batch.append(_Waiting(flights, cut_offs, asker, seen_at))
        if len(self._batch) == 1:
            # Nobody is waited for: one that is alone is answered as soon as the loop has looked for others.
            asyncio.get_running_loop().call_soon(self._flush)

    async def answer(
        self,
        request: PredictRequest | ResolvedRequest,
        now: datetime,
        finish: Callable[[Answered], Finished],
    ) -> Finished:
        """Answer any request, and give what `finish` makes of the answer; raise ProblemError as `ask` does.

        A long one, or one that asks for reasons, is answered and finished in a thread, where it holds up nobody.
        """
        weight = len(request.flights) * (_REASON_ROWS if request.reasons else 1)
        if weight <= self.light_flights and not request.reasons:
            waiting = _Future(asyncio.get_running_loop().create_future())
            self.ask(request, now, waiting)
            return finish(await waiting.answered)
        self._enter(weight, apart=True)
        try:
            return await self._answer_apart(request, now, finish)
        finally:
            self._waiting[True] -= weight

    @property
    def light_flights(self) -> int:
        """How many flights may be answered on the loop; more are answered in a thread."""
        has_news = self._known_now is not None and self._known_now.airports
        return _LIGHT_FLIGHTS_NOW if has_news else _LIGHT_FLIGHTS

    @property
    def waiting_flights(self) -> int:
        """How many flights wait for an answer; one that asks for reasons counts as many as the vectors it needs."""
        return sum(self._waiting.values())

    def _enter(self, weight: int, *, apart: bool) -> None:
        """Take a place in the queue; what is answered apart holds up nobody, so it takes none from the others."""
        waiting = self._waiting[apart]
        # A request that alone is more than the queue is still answered when nothing waits.
        if waiting and waiting + weight > self._queue:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{waiting} flights wait already, of {self._queue} that may; try again in a second",
                headers={"retry-after": "1"},
            )
        self._waiting[apart] += weight

    def _resolved(self, request: PredictRequest | ResolvedRequest) -> list[ResolvedFlight]:
        """Resolve the flights of a request; raise ProblemError with all that means nothing."""
        if isinstance(request, ResolvedRequest):
            return request.flights
        return resolve(request.flights, self.predictor.unlisted)

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        self._waiting[False] -= sum(len(waiting.flights) for waiting in batch)
        try:
            flights = [flight for waiting in batch for flight in waiting.flights]
            cut_offs = [cut_off for waiting in batch for cut_off in waiting.cut_offs]
            seen_at = [moment for waiting in batch for moment in waiting.seen_at]
            if len(seen_at) < len(flights):
                # The first event of all came between two requests, of which it is for the later one.
                seen_at = []
            rows = self._predict(flights, cut_offs, seen_at)
            self._count([row.late_probability for row in rows], flights, cut_offs)
        except Exception as error:
            for waiting in batch:
                waiting.asker.fail(error)
            return
        start = 0
        for waiting in batch:
            end = start + len(waiting.flights)
            self._hand_over(waiting, rows[start:end])
            start = end

    def _hand_over(self, waiting: _Waiting, rows: list[PredictedFlight]) -> None:
        try:
            answered = self._answered_with(waiting.flights, waiting.cut_offs, rows, waiting.seen_at)
        except Exception as error:
            waiting.asker.fail(error)
            return
        waiting.asker.take(answered)

    async def _answer_apart(
        self,
        request: PredictRequest | ResolvedRequest,
        now: datetime,
        finish: Callable[[Answered], Finished],
    ) -> Finished:
        def work() -> tuple[Finished, list[float], Sequence[ResolvedFlight], Sequence[Moments]]:
            flights = self._resolved(request)
            cut_offs = moments_of(flights, request.as_of, now)
            seen_at = self._seen_at(flights, request.as_of, now)
            rows = self._predict(flights, cut_offs, seen_at, reasons=request.reasons)
            answered = self._answered_with(flights, cut_offs, rows, seen_at)
            finished, late = finish(answered), answered.late_probability
            # What nobody needs any more is let go of here, where it is still in the processor's memory.
            return (finished, late, (), ()) if self._shadow is None else (finished, late, flights, cut_offs)

        loop = asyncio.get_running_loop()
        finished, late, flights, cut_offs = await loop.run_in_executor(self._executor, work)
        self._count(late, flights, cut_offs)
        return finished

    def _seen_at(self, flights: list[ResolvedFlight], as_of: str | None, now: datetime) -> list[datetime]:
        known_now = self._known_now
        return [] if known_now is None or not known_now.airports else known_now.moments(flights, as_of, now)

    def _predict(
        self,
        flights: list[ResolvedFlight],
        cut_offs: list[Moments],
        seen_at: list[datetime],
        *,
        reasons: bool = False,
    ) -> list[PredictedFlight]:
        """Give the rows of n flights, with what is peculiar to the words of each."""
        closed = np.array([cut_off.closed for cut_off in cut_offs], np.int64)
        live = None
        if seen_at and self._known_now is not None:
            live = self._known_now.live_columns(flights, seen_at, self.predictor)
        made = self.predictor.predict_keys(keys_of(flights), closed, self.known, live=live, reasons=reasons)
        rows = rows_of(made, self._threshold, [cut_off.horizon for cut_off in cut_offs])
        for place, flight in enumerate(flights):
            if flight.missing or flight.twice:
                rows[place] = complete(rows[place], flight)
        return rows

    def _count(
        self, late: list[float], flights: Sequence[ResolvedFlight], cut_offs: Sequence[Moments]
    ) -> None:
        """Count a batch by its P(late); its flights are for the shadow alone."""
        self._metrics.observe(metrics.BATCH_SIZE, self.version, value=len(late))
        self._metrics.observe_all(metrics.LATE_PROBABILITY, self.version, values=late)
        if self._shadow is not None:
            closed = [cut_off.closed for cut_off in cut_offs]
            self._shadow.compare(self.version, self.known, flights, closed, late)

    def _answered_with(
        self,
        flights: list[ResolvedFlight],
        cut_offs: list[Moments],
        rows: list[PredictedFlight],
        seen_at: list[datetime],
    ) -> Answered:
        """Put an answer together, with what is known of the flights themselves where they were looked at."""
        if seen_at and self._known_now is not None:
            rows, cut_offs = self._known_now.add_to(rows, flights, cut_offs, seen_at, self.predictor)
        return Answered(self._head, flights, cut_offs, rows, self.version)


class _Future:
    """One who asks from a coroutine, which may be gone when the answer comes."""

    def __init__(self, answered: "asyncio.Future[Answered]") -> None:
        self.answered = answered

    def take(self, answered: Answered) -> None:
        """Go on with the answer."""
        if not self.answered.done():
            self.answered.set_result(answered)

    def fail(self, error: Exception) -> None:
        """Go on without one."""
        if not self.answered.done():
            self.answered.set_exception(error)
