"""One champion with one timetable, answering requests: those that wait at the same moment are asked together."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.api.asked import Resolved, cut_off, each_pointer, meaningless, moments, resolve
from puntual.api.contract import (
    AskedFlight,
    Bands,
    ModelName,
    Predicted,
    PredictRequest,
    Quantiles,
    Reason,
    Support,
)
from puntual.api.problems import FieldError, Problem
from puntual.api.vector_store import VectorStore
from puntual.features.timetable import Timetable
from puntual.features.vector import GROUPS
from puntual.predict import Predictor, Vectors
from puntual.predictions import SUPPORT_LEVELS, Predictions

# Trees answer a row the same whatever the rows beside it; a matrix product rounds with the shape of the batch.
_ROWS_STAND_ALONE = frozenset({"forest", "lightgbm", "xgboost"})
_LIGHT_FLIGHTS = 256
# Reasons ask the model about 64 vectors a flight.
_REASON_ROWS = 64
_STORED = 16_384
_ENCODER = msgspec.json.Encoder()
_AIRLINE, _ROUTE, _FLIGHT = (SUPPORT_LEVELS.index(level) for level in ("airline", "route", "flight"))


class Answered(NamedTuple):
    """The body of an answer, and what the journal and the histograms keep of it."""

    body: bytes
    flights: list[Resolved]
    late_probability: list[float]
    version: str


class _Waiting(NamedTuple):
    flights: list[Resolved]
    closed: list[int]
    horizons: list[int]
    answer: "asyncio.Future[Answered]"


class Answerer:
    """Answers requests by one bundle and one timetable; when either changes, another takes its place."""

    def __init__(
        self,
        predictor: Predictor,
        known: Timetable,
        *,
        queue: int,
        executor: Executor,
        seen: Callable[[Sequence[Resolved], Sequence[int], Sequence[float]], None],
        stored: int = _STORED,
    ) -> None:
        """Get ready to answer; `queue` is how many flights may wait.

        `seen` is told of each batch: its flights, the days before which operations are known, and P(late).
        """
        self.predictor = predictor
        self.known = known
        self.version = predictor.bundle.version
        self.waiting_flights = 0
        self._queue, self._executor, self._seen = queue, executor, seen
        self._threshold = predictor.bundle.manifest.threshold
        self._stand_alone = predictor.bundle.manifest.candidate in _ROWS_STAND_ALONE
        self._store = VectorStore(predictor, known, stored)
        self._resolved: dict[tuple[str, ...], Resolved] = {}
        self._capacity = stored
        self._batch: list[_Waiting] = []
        self._until_text: dict[int, str | None] = {-1: None}
        manifest = predictor.bundle.manifest
        name = ModelName(self.version, manifest.period[1].date().isoformat())
        self._head = b'{"model":' + _ENCODER.encode(name) + b',"predictions":'

    async def answer(self, request: PredictRequest, now: datetime) -> Answered:
        """Answer a request; raise Problem where a field means nothing, or where too many flights wait."""
        flights = self._resolve(request.flights)
        as_of = None if request.as_of is None else cut_off(request.as_of)
        closed, horizons = zip(*(moments(flight, as_of, now) for flight in flights), strict=True)
        weight = len(flights) * (_REASON_ROWS if request.reasons else 1)
        # A request that alone is more than the queue is still answered when nothing waits.
        if self.waiting_flights and self.waiting_flights + weight > self._queue:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self.waiting_flights} flights wait already, of {self._queue} that may; try again in a second",
                headers={"retry-after": "1"},
            )
        self.waiting_flights += weight
        try:
            if weight > _LIGHT_FLIGHTS or request.reasons:
                return await self._answer_apart(flights, closed, horizons, request.reasons)
            return await self._answer_together(flights, closed, horizons)
        finally:
            self.waiting_flights -= weight

    def _resolve(self, asked: list[AskedFlight]) -> list[Resolved]:
        found: list[Resolved] = []
        errors: list[FieldError] = []
        for pointer, flight in zip(each_pointer(len(asked)), asked, strict=True):
            names = (
                flight.airline,
                flight.flight_number,
                flight.origin,
                flight.destination,
                flight.scheduled_departure,
            )
            resolved = self._resolved.get(names)
            if resolved is None:
                try:
                    resolved = resolve(flight, pointer)
                except Problem as problem:
                    errors += problem.details.errors
                    continue
                if len(self._resolved) >= self._capacity:
                    del self._resolved[next(iter(self._resolved))]
                self._resolved[names] = resolved
            found.append(resolved)
        if errors:
            raise meaningless(errors)
        return found

    async def _answer_together(
        self, flights: list[Resolved], closed: Sequence[int], horizons: Sequence[int]
    ) -> Answered:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(flights, list(closed), list(horizons), loop.create_future())
        if not self._stand_alone:
            self._ask([waiting])
        else:
            self._batch.append(waiting)
            if len(self._batch) == 1:
                # Runs once all requests that have arrived by now have joined the batch.
                loop.call_soon(self._flush)
        return await waiting.answer

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        self._ask(batch)

    def _ask(self, batch: list[_Waiting]) -> None:
        try:
            flights = [flight for waiting in batch for flight in waiting.flights]
            closed = [day for waiting in batch for day in waiting.closed]
            rows = _rows(self.predictor.read(self._vectors(flights, closed)), self._threshold, self._dates)
            self._seen(flights, closed, [row.late_probability for row in rows])
        except Exception as error:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        start = 0
        for waiting in batch:
            end = start + len(waiting.flights)
            if not waiting.answer.done():
                waiting.answer.set_result(self._written(waiting.flights, rows[start:end], waiting.horizons))
            start = end

    async def _answer_apart(
        self, flights: list[Resolved], closed: Sequence[int], horizons: Sequence[int], reasons: bool
    ) -> Answered:
        """Answer a long request in a thread, where it holds up nobody."""
        vectors = self._vectors(flights, closed)

        def work() -> Answered:
            rows = _rows(self.predictor.read(vectors, reasons), self._threshold, self._dates)
            return self._written(flights, rows, horizons)

        answered = await asyncio.get_running_loop().run_in_executor(self._executor, work)
        self._seen(flights, closed, answered.late_probability)
        return answered

    def _vectors(self, flights: list[Resolved], closed: Sequence[int]) -> Vectors:
        return self._store.gather(self._store.slots(flights, closed))

    def _written(self, flights: list[Resolved], rows: list["_Row"], horizons: Sequence[int]) -> Answered:
        said = [row.predicted(horizon) for row, horizon in zip(rows, horizons, strict=True)]
        body = self._head + _ENCODER.encode(said) + b"}"
        return Answered(body, flights, [row.late_probability for row in rows], self.version)

    def _dates(self, days: NDArray[np.int64]) -> list[str | None]:
        texts = self._until_text
        found = []
        for day in days.tolist():
            if day not in texts:
                texts[day] = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
            found.append(texts[day])
        return found


class _Row(NamedTuple):
    """What is said of a flight but for its horizon, which depends on the moment of asking alone."""

    late_probability: float
    late: bool
    threshold: float
    bands: Bands
    expected: float
    quantiles: Quantiles
    timetable: str
    until: str | None
    support: Support
    reasons: "list[Reason] | msgspec.UnsetType"

    def predicted(self, horizon: int) -> Predicted:
        """Add the horizon in minutes."""
        return Predicted(
            self.late_probability,
            self.late,
            self.threshold,
            self.bands,
            self.expected,
            self.quantiles,
            horizon,
            self.timetable,  # type: ignore[arg-type]
            self.until,
            self.support,
            self.reasons,
        )


def _rows(
    said: Predictions, threshold: float, dates: Callable[[NDArray[np.int64]], list[str | None]]
) -> list[_Row]:
    """Read n predictions row by row, as the contract names them; floats stay as they are, to the bit."""
    supports = said.supports
    if said.reasons is None:
        reasons: list[list[Reason] | msgspec.UnsetType] = [msgspec.UNSET] * len(said.bands)
    else:
        reasons = [_reasons(effects) for effects in said.reasons.tolist()]
    return [
        _Row(
            p_late,
            late,
            threshold,
            Bands(*bands),
            expected,
            Quantiles(*quantiles),
            timetable,
            until,
            support,
            why,
        )
        for p_late, late, bands, expected, quantiles, timetable, until, support, why in zip(
            said.p_late.tolist(),
            said.late.tolist(),
            said.bands.tolist(),
            said.expected_minutes.tolist(),
            said.quantiles.tolist(),
            ["known" if known else "typical" for known in said.timetable_known.tolist()],
            dates(said.history_until),
            [Support(row[_AIRLINE], row[_ROUTE], row[_FLIGHT]) for row in supports.tolist()],
            reasons,
            strict=True,
        )
    ]


def _reasons(effects: list[float]) -> list[Reason]:
    """Name the groups, the one that matters most first."""
    named = [Reason(str(group), effect) for group, effect in zip(GROUPS, effects, strict=True)]
    return sorted(named, key=lambda reason: -abs(reason.effect))
