"""The shadow: another bundle, scored on the flights that the champion answers, whose answers nobody sees."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np

from puntual.api.observability import metrics
from puntual.api.observability.metrics import Metrics
from puntual.api.predict.flight_resolution import keys_of
from puntual.api.predict.resolved_flight import ResolvedFlight
from puntual.api.serving.past_days import PastDays
from puntual.features.timetable import Timetable
from puntual.prediction.predictor import Predictor

_LOG = logging.getLogger("puntual.service")
# Behind this many batches the shadow is skipped rather than waited for.
_MOST_WAITING = 8


class Shadow:
    """Compares its P(late) with the champion's, in threads, as far as it keeps up."""

    def __init__(self, predictor: Predictor, executor: Executor, measured: Metrics) -> None:
        self._predictor, self._executor, self._metrics = predictor, executor, measured
        self._waiting = 0

    @property
    def version(self) -> str:
        """The version of its bundle."""
        return self._predictor.bundle.version

    def go_on(self, past_days: PastDays) -> None:
        """Let the operations of past days count that count for the champion."""
        self._predictor = past_days.continued(self._predictor)

    def compare(
        self,
        champion: str,
        known: Timetable,
        flights: Sequence[ResolvedFlight],
        closed: Sequence[int],
        late: Sequence[float],
    ) -> None:
        """Score a batch beside the loop and count how far it is from `late`, the P(late) of a champion's version."""
        if self._waiting >= _MOST_WAITING:
            self._metrics.count(metrics.SHADOW_SKIPPED, by=len(flights))
            return
        self._waiting += 1
        loop = asyncio.get_running_loop()
        scored = loop.run_in_executor(self._executor, self._score, list(flights), list(closed), known)
        scored.add_done_callback(lambda done: self._count(done, list(late), champion))

    def _score(self, flights: list[ResolvedFlight], closed: list[int], known: Timetable) -> list[float]:
        days = np.array(closed, np.int64)
        late: list[float] = self._predictor.predict_keys(
            keys_of(flights), days, known
        ).late_probability.tolist()
        return late

    def _count(self, done: "asyncio.Future[list[float]]", late: list[float], champion: str) -> None:
        self._waiting -= 1
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            _LOG.error("the shadow could not score: %s", error)
            return
        differences = [abs(own - other) for own, other in zip(done.result(), late, strict=True)]
        self._metrics.observe_all(metrics.SHADOW_DIFFERENCE, champion, self.version, values=differences)
        self._metrics.observe_all(metrics.LATE_PROBABILITY, self.version, values=done.result())
