"""One champion with one timetable, answering requests: those that wait at the same moment are answered together."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple

import numpy as np
from msgspec.structs import asdict

from puntual.api.predict.contract import PredictedFlight, PredictRequest, ScheduledFlight
from puntual.api.predict.flight_resolution import (
    ResolvedFlight,
    ResolvedRequest,
    keys_of,
    meaningless,
    moments,
    resolve,
)
from puntual.api.predict.response import Answered, complete, head_of, rows_of, written
from puntual.api.predict.vector_cache import VectorCache
from puntual.api.problems import FieldError, ProblemError
from puntual.features.timetable import Timetable
from puntual.prediction.predictions import Predictions
from puntual.prediction.predictor import Predictor, Vectors

# So many that were never asked about cost the loop 3 to 4 ms of processor time; twice as many, 6 ms.
_LIGHT_FLIGHTS = 32
# Reasons ask the model about 64 vectors a flight.
_REASON_ROWS = 64
_STORED = 16_384
# How many flights are resolved before others get their turn.
_TURN = 64


class _Waiting(NamedTuple):
    flights: list[ResolvedFlight]
    closed: list[int]
    horizons: list[int]
    answer: "asyncio.Future[Answered]"


class MicroBatcher:
    """Answers requests by one bundle and one timetable; when either changes, another takes its place."""

    def __init__(
        self,
        predictor: Predictor,
        known: Timetable,
        *,
        queue: int,
        executor: Executor,
        answered: Callable[[Sequence[ResolvedFlight], Sequence[int], Sequence[float]], None],
        stored: int = _STORED,
    ) -> None:
        """Get ready to answer; `queue` is how many flights may wait.

        `answered` is called after each batch: its flights, the days before which operations are known, and P(late).
        """
        self.predictor = predictor
        self.known = known
        self.version = predictor.bundle.version
        self._waiting = {True: 0, False: 0}
        self._queue, self._executor, self._answered = queue, executor, answered
        self._threshold = predictor.bundle.manifest.threshold
        self._store = VectorCache(predictor, known, stored)
        self._resolved: dict[ScheduledFlight, ResolvedFlight] = {}
        self._capacity = stored
        self._batch: list[_Waiting] = []
        self._head = head_of(predictor.bundle)

    async def answer(self, request: PredictRequest | ResolvedRequest, now: datetime) -> Answered:
        """Answer a request; raise ProblemError where a field means nothing, or where too many flights wait."""
        if isinstance(request, PredictRequest):
            flights = await self._resolve(request.flights)
        else:
            flights = request.flights
        closed, horizons = zip(*(moments(flight, request.as_of, now) for flight in flights), strict=True)
        weight = len(flights) * (_REASON_ROWS if request.reasons else 1)
        apart = weight > _LIGHT_FLIGHTS or request.reasons
        # What is answered apart holds up nobody, so it takes no place from the others.
        waiting = self._waiting[apart]
        # A request that alone is more than the queue is still answered when nothing waits.
        if waiting and waiting + weight > self._queue:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{waiting} flights wait already, of {self._queue} that may; try again in a second",
                headers={"retry-after": "1"},
            )
        self._waiting[apart] += weight
        try:
            if apart:
                return await self._answer_apart(flights, closed, horizons, request.reasons)
            return await self._answer_together(flights, closed, horizons)
        finally:
            self._waiting[apart] -= weight

    @property
    def waiting_flights(self) -> int:
        """How many flights wait for an answer; one that asks for reasons counts as many as the vectors it needs."""
        return sum(self._waiting.values())

    async def _resolve(self, flights: list[ScheduledFlight]) -> list[ResolvedFlight]:
        all_resolved: list[ResolvedFlight] = []
        errors: list[FieldError] = []
        for row, flight in enumerate(flights):
            resolved = self._resolved.get(flight)
            if resolved is None:
                if row % _TURN == _TURN - 1:
                    # A thousand that were never asked about take long enough to hold up others.
                    await asyncio.sleep(0)
                try:
                    resolved = resolve(flight, f"#/flights/{row}", self.predictor.unlisted)
                except ProblemError as problem:
                    errors += problem.details.errors
                    continue
                if len(self._resolved) >= self._capacity:
                    del self._resolved[next(iter(self._resolved))]
                # Flights share most of their words, which are kept once.
                words = {name: sys.intern(word) for name, word in asdict(flight).items() if word is not None}
                self._resolved[ScheduledFlight(**words)] = resolved
            all_resolved.append(resolved)
        if errors:
            raise meaningless(errors)
        return all_resolved

    async def _answer_together(
        self, flights: list[ResolvedFlight], closed: Sequence[int], horizons: Sequence[int]
    ) -> Answered:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(flights, list(closed), list(horizons), loop.create_future())
        self._batch.append(waiting)
        if len(self._batch) == 1:
            # Runs once all requests that have arrived by now have joined the batch.
            loop.call_soon(self._flush)
        return await waiting.answer

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        self._answer_batch(batch)

    def _answer_batch(self, batch: list[_Waiting]) -> None:
        try:
            flights = [flight for waiting in batch for flight in waiting.flights]
            closed = [day for waiting in batch for day in waiting.closed]
            horizons = [horizon for waiting in batch for horizon in waiting.horizons]
            predictions = self.predictor.read(self._vectors(flights, closed))
            rows, states = self._rows(predictions, flights, horizons), predictions.states.tolist()
            self._answered(flights, closed, predictions.late_probability.tolist())
        except Exception as error:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        start = 0
        for waiting in batch:
            end = start + len(waiting.flights)
            if not waiting.answer.done():
                waiting.answer.set_result(self._written(waiting.flights, rows[start:end], states[start:end]))
            start = end

    async def _answer_apart(
        self, flights: list[ResolvedFlight], closed: Sequence[int], horizons: Sequence[int], reasons: bool
    ) -> Answered:
        """Answer a long request in a thread, where it holds up nobody."""
        # The store is the loop's own: what it does not hold is made in the thread, and kept afterwards.
        held = self._store.holds(flights, closed)
        stored = self._vectors(flights, closed) if held else None

        def work() -> tuple[Answered, Vectors]:
            vectors = stored or self.predictor.vectors(keys_of(flights), np.array(closed), self.known)
            predictions = self.predictor.read(vectors, reasons)
            rows = self._rows(predictions, flights, horizons)
            return self._written(flights, rows, predictions.states.tolist()), vectors

        answered, vectors = await asyncio.get_running_loop().run_in_executor(self._executor, work)
        if not held:
            self._store.keep(flights, closed, vectors)
        self._answered(flights, closed, answered.late_probability)
        return answered

    def _vectors(self, flights: list[ResolvedFlight], closed: Sequence[int]) -> Vectors:
        return self._store.gather(self._store.slots(flights, closed))

    def _rows(
        self, predictions: Predictions, flights: Sequence[ResolvedFlight], horizons: Sequence[int]
    ) -> list[PredictedFlight]:
        rows = rows_of(predictions, self._threshold, horizons)
        if not any(flight.missing or flight.twice for flight in flights):
            return rows
        return list(map(complete, rows, flights))

    def _written(
        self, flights: list[ResolvedFlight], rows: list[PredictedFlight], states: list[int]
    ) -> Answered:
        return Answered(written(self._head, rows), flights, rows, states, self.version)
