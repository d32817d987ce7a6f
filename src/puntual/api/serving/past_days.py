"""History that goes on from the journal: what a predictor learns of the days since its bundle was closed."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from puntual.flights import airports
from puntual.flights.flight import Target
from puntual.operations.operated_days import OperatedDays
from puntual.prediction.predictor import Predictor

# Nobody waits longer for what takes longer, neither on starting nor for another champion.
_PATIENCE = 1.0
_EPOCH = date(1970, 1, 1)


class PastDays:
    """The operations of the days that are over at a model's airports, by the journal; without one there are none."""

    def __init__(self, place: str | Path | None) -> None:
        """Name the journal by its URL, or a file of SQLite by its path."""
        # Of departures or of arrivals, by what the champion predicts.
        self._operated = {} if place is None else {target: OperatedDays(place, target) for target in Target}
        # The local day of each airport when it was looked at last.
        self._today: dict[str, int] = {}
        # A database that is away may hold up who asks it for minutes.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="puntual-past-days")
        self._looking: asyncio.Future[tuple[bool, int]] | None = None
        # The newest event of the journal that has been taken into account.
        self.counted = 0

    async def look(self, predictor: Predictor, now: datetime) -> bool:
        """Tell whether a day has ended, or other operations are known of days past, than when last looked at.

        What takes longer than some seconds is told the next time.
        """
        if not self._operated:
            return False
        if self._looking is None:
            loop = asyncio.get_running_loop()
            self._looking = loop.run_in_executor(self._thread, self._look, predictor, now)
        looking = self._looking
        await asyncio.wait([looking], timeout=_PATIENCE)
        if not looking.done():
            return False
        self._looking = None
        is_new, self.counted = looking.result()
        return is_new

    def continued(self, predictor: Predictor) -> Predictor:
        """Give a predictor that goes on with what was read."""
        operated = self._operated.get(predictor.target)
        if operated is None or not operated.was_read:
            return predictor
        return predictor.continued(operated.flights(), self._today)

    def close(self) -> None:
        """Let go of the journal."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        for operated in self._operated.values():
            operated.close()

    def _look(self, predictor: Predictor, now: datetime) -> tuple[bool, int]:
        operated = self._operated[predictor.target]
        today = _local_days(predictor, now)
        until = (predictor.bundle.manifest.history_until - _EPOCH).days
        is_new = operated.refresh(until, max(today.values(), default=0))
        has_ended, self._today = today != self._today, today
        return is_new or (has_ended and operated.was_read), operated.counted


def _local_days(predictor: Predictor, now: datetime) -> dict[str, int]:
    """Give the day (since 1970) that it is at each airport of a model."""
    return {
        code: (now.astimezone(ZoneInfo(zone)).date() - _EPOCH).days
        for code in predictor.bundle.manifest.airports
        if (zone := _time_zone(predictor, code))
    }


def _time_zone(predictor: Predictor, code: str) -> str:
    airport = airports.look_up(code)
    return predictor.unlisted.get(code, "") if airport is None else airport.time_zone
