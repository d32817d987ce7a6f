"""What a worker holds: the champion and the timetable, each replaced whole and never in part, and the shadow."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from puntual.api.auth.guard import KEY_NAME, PEER
from puntual.api.http.process_tuning import step_back
from puntual.api.live.known_now import KnownNow
from puntual.api.observability import metrics
from puntual.api.observability.metrics import Metrics
from puntual.api.predict.contract import PredictRequest
from puntual.api.predict.microbatch import MicroBatcher
from puntual.api.predict.resolved_flight import ResolvedRequest
from puntual.api.predict.response import Answered
from puntual.api.problems import ProblemError
from puntual.api.serving.champion_bundles import ChampionBundles
from puntual.api.serving.past_days import PastDays
from puntual.api.serving.shadow import Shadow
from puntual.api.serving.timetable_file import TimetableFile
from puntual.errors import PuntualError
from puntual.features.flight_keys import Keys
from puntual.features.timetable import known_timetable
from puntual.flights.arrays import Columns
from puntual.operations.journal_writer import Journal
from puntual.prediction.predictor import Predictor
from puntual.registry import Deployment
from puntual.registry.registry import ListedBundle
from puntual.settings import Settings

_LOG = logging.getLogger("puntual.service")
T = TypeVar("T")


class ServingModel:
    """The state of one worker and the changes that it goes through."""

    def __init__(self, settings: Settings, measured: Metrics, journal: Journal | None) -> None:
        self.settings, self.metrics, self.journal = settings, measured, journal
        self.batcher: MicroBatcher | None = None
        # What events tell; nothing until the application gives it.
        self.known_now: KnownNow | None = None
        self._shadow: Shadow | None = None
        self._bundles = ChampionBundles(settings)
        self._timetable = TimetableFile(Path(settings.state))
        self._past_days = PastDays(None if journal is None else settings.journal_place())
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="puntual", initializer=step_back)
        self._swapping = asyncio.Lock()
        self._reloads: set[asyncio.Task[None]] = set()
        self._complained = ""

    def load(self, *, is_replacement: bool = False) -> None:
        """Load champion, shadow and timetable for the first time; raise PuntualError for one that is bad.

        A registry without a champion yet is waited for: the service is not ready until one is promoted. The replacement
        of a worker that died starts all the same, with the bundle that answered last, or waits for a champion without.
        """
        try:
            champion = self._bundles.first()
            try:
                if (shadow := self._bundles.shadow()) is not None:
                    self._shadow = Shadow(shadow, self._threads, self.metrics)
            finally:
                self._answer_by(champion)
        except PuntualError as error:
            if not is_replacement:
                raise
            self._complain(str(error))
        if self.batcher is None and is_replacement:
            self._answer_by(self._bundles.last_good())

    def describe_model(self) -> str:
        """Say which model answers, or that none does."""
        if self.batcher is None:
            return (
                f"NO MODEL ANSWERS: registry {self.settings.registry} has no champion, and each prediction is refused "
                "with 503 until one is promoted (`puntual models promote VERSION`)"
            )
        trained_until = self.batcher.predictor.bundle.manifest.period[1].date().isoformat()
        return f"Model {self.batcher.version} answers, trained until {trained_until}"

    def _answer_by(self, predictor: Predictor | None) -> None:
        if predictor is not None:
            self._put(self._prepared(predictor))

    @property
    def unlisted(self) -> Mapping[str, str]:
        """The airports that nobody lists and the champion knows, with their time zones."""
        return {} if self.batcher is None else self.batcher.predictor.unlisted

    @property
    def shadow_version(self) -> str | None:
        """The version of the shadow, if there is one."""
        return None if self._shadow is None else self._shadow.version

    def champion(self) -> MicroBatcher:
        """Give what answers now; raise ProblemError while there is no model."""
        if self.batcher is None:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"no model is loaded: registry {self.settings.registry} has no champion that can be used; promote one",
                headers={"retry-after": "5"},
            )
        return self.batcher

    async def answer(
        self, request: PredictRequest | ResolvedRequest, request_id: str, *, recorded: bool = True
    ) -> Answered:
        """Answer a request, count it and, unless its flights only stand for usual ones, hand it to the journal."""
        return await self._answer(request, request_id, lambda answered: answered, recorded=recorded)

    async def answer_in_writing(self, request: PredictRequest | ResolvedRequest, request_id: str) -> bytes:
        """Answer a request as `answer` does, and write the answer down."""
        return await self._answer(request, request_id, Answered.write)

    async def _answer(
        self,
        request: PredictRequest | ResolvedRequest,
        request_id: str,
        finish: Callable[[Answered], T],
        *,
        recorded: bool = True,
    ) -> T:
        now = datetime.now(UTC)
        journal, key, peer = self.journal if recorded else None, KEY_NAME.get(), PEER.get()

        def record(answered: Answered) -> T:
            if journal is not None:
                journal.record_many(answered.journal_lines(now, request_id, request.as_of, key, peer))
            return finish(answered)

        return await self.champion().answer(request, now, record)

    async def answer_at(self, now: datetime, request: PredictRequest | ResolvedRequest) -> Answered:
        """Answer a request as at a moment in UTC; nothing is recorded."""
        return await self.champion().answer(request, now, lambda answered: answered)

    async def apart(self, work: Callable[..., T], *inputs: Any) -> T:
        """Do in a thread what would hold up the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *inputs)

    async def departures(self, origin: str | None, day: date | None) -> Keys:
        """Give the coming flights that the service keeps, of one airport or all, on one day or all."""
        return await self.apart(self._timetable.departures, origin, day)

    async def versions(self) -> list[ListedBundle]:
        """List the bundles of the registry; raise PuntualError where it cannot be read."""
        return await self.apart(self._bundles.versions)

    async def tables(self, *names: str) -> dict[str, Columns]:
        """Read tables of the champion again, which are not held; raise PuntualError where it cannot be read."""
        bundle = await self.apart(self._bundles.content, self.champion().version)
        return {name: bundle.tables[name] for name in names}

    async def reload(self, *, again: bool = False) -> bool:
        """Put the registry's champion in place if it is another; raise PuntualError and keep the old one if bad.

        A bundle that was refused is not read again, unless `again` says so; a registry that is away is.
        """
        async with self._swapping:
            if again:
                self._bundles.forgive()
            answering = None if self.batcher is None else self.batcher.version
            wanted = await self.apart(self._bundles.wanted, answering)
            if wanted is None:
                return False
            try:
                self._put(await self.apart(self._read, wanted))
            except PuntualError:
                self.metrics.count(metrics.SWAPS, "refused")
                raise
            self.metrics.count(metrics.SWAPS, "done")
            _LOG.info("champion %s answers from now on", wanted.version)
            return True

    def reload_soon(self) -> None:
        """Put the registry's champion in place beside the requests; what goes wrong is logged."""
        task = asyncio.create_task(self._reload_or_complain())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def put_timetable(self, flights: Keys) -> None:
        """Keep the coming flights for all workers, and count congestion among them from now on."""
        async with self._swapping:
            await self.apart(self._timetable.write, flights)
        await self.look_around()

    async def look_around(self) -> None:
        """Count congestion among the coming flights and history from past days, where they are others than before."""
        if self.batcher is None:
            return
        past = await self._past_days.look(self.batcher.predictor, datetime.now(UTC))
        async with self._swapping:
            if past or self._timetable.changed():
                self._put(await self.apart(self._prepared, self.batcher.predictor))
            self.metrics.set(metrics.HISTORY, value=self._past_days.counted)

    async def watch(self) -> None:
        """Look for another champion or timetable again and again; nothing that goes wrong ends it."""
        while True:
            await asyncio.sleep(self.settings.poll)
            try:
                await self.look_around()
                await self.reload()
                self._complained = ""
            except PuntualError as error:
                self._complain(str(error))
            except Exception as error:
                _LOG.exception("the champion could not be looked for")
                self._complain(f"the champion could not be looked for: {type(error).__name__}")
            self.publish_metrics()

    def close(self) -> None:
        """Stop the threads and write down what waits."""
        for task in self._reloads:
            task.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._past_days.close()
        if self.journal is not None:
            self.journal.close()
        self.publish_metrics()

    async def _reload_or_complain(self) -> None:
        try:
            await self.reload(again=True)
        except PuntualError as error:
            _LOG.error("%s; the former champion goes on", error)
        except Exception:
            _LOG.exception("the champion could not be fetched; the former one goes on")

    def _read(self, wanted: Deployment) -> MicroBatcher:
        return self._prepared(self._bundles.read(wanted))

    def _prepared(self, predictor: Predictor) -> MicroBatcher:
        coming = self._timetable.keys()
        known = known_timetable(coming)
        predictor = self._past_days.continued(predictor)
        if self._shadow is not None:
            self._shadow.go_on(self._past_days)
        if self.known_now is not None:
            self.known_now.know(coming, predictor.bundle.manifest.late_rule, predictor.unlisted)
        return MicroBatcher(
            predictor,
            known,
            queue=self.settings.queue,
            executor=self._threads,
            measured=self.metrics,
            shadow=self._shadow,
            known_now=self.known_now,
        )

    def _put(self, batcher: MicroBatcher) -> None:
        """Set the one reference that requests read; those in flight finish on the one that they hold."""
        self.batcher = batcher
        self.metrics.forget(metrics.CHAMPION)
        trained_until = batcher.predictor.bundle.manifest.period[1].date().isoformat()
        self.metrics.set(metrics.CHAMPION, batcher.version, trained_until, value=1)

    def _complain(self, message: str) -> None:
        """Log what is wrong; while it stays the same, once is enough."""
        if message != self._complained:
            _LOG.error(
                "%s; %s",
                message,
                "no model answers" if self.batcher is None else "the former champion goes on",
            )
        self._complained = message

    def publish_metrics(self) -> None:
        """Bring the gauges up to date, and show the numbers to the other workers."""
        if self.batcher is not None:
            self.metrics.set(metrics.WAITING, value=self.batcher.waiting_flights)
        if self.journal is not None:
            self.metrics.set(metrics.JOURNAL_WRITTEN, value=self.journal.written)
            self.metrics.set(metrics.JOURNAL_LOST, value=self.journal.lost)
            self.metrics.set(metrics.JOURNAL_REFUSED, value=self.journal.refused)
            self.metrics.set(metrics.JOURNAL_FAILURES, value=self.journal.failures)
            self.metrics.set(metrics.JOURNAL_WAITING, value=self.journal.waiting)
        with contextlib.suppress(OSError):
            self.metrics.share()
