"""What flights did on the days past, as the journal tells: read once, and again of days that later news is about."""

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from puntual.features.history import WINDOWS, OperatedFlights, joined
from puntual.flights.flight import Target
from puntual.operations.driver_errors import first_line

if TYPE_CHECKING:
    from puntual.operations.outcome_database import OutcomeDatabase

_LOG = logging.getLogger("puntual.operations.operated_days")
# A flight may leave days after its schedule, and counts on the day that it leaves.
_LEAVES_WITHIN = 7
# Days are not read again until so many times the time has passed that it took.
_REST = 20.0
_PATIENCE = 1.0


class OperatedDays:
    """The operations of days that are over; `refresh` waits for the database, so it belongs into a thread."""

    def __init__(self, place: str | Path, target: Target = Target.DEPARTURE) -> None:
        """Name the journal by its URL, or a file of SQLite by its path, and the delay; nothing is opened yet."""
        self._place, self._target = place, target
        self._database: OutcomeDatabase | None = None
        self._lock = threading.Lock()
        self._failed = ""
        self._not_before = 0.0
        # Whether anything was ever read, so that there is something to go on from, or to take back.
        self.was_read = False
        # The newest event up to which nothing is left to be read.
        self.counted = 0
        self._read_until = 0
        # Scheduled days of which there are events, and those of them whose events were not all read.
        self._known: set[int] = set()
        self._stale: set[int] = set()
        self._days: dict[int, OperatedFlights] = {}

    def refresh(self, after: int, today: int) -> bool:
        """Read of days (since 1970) before `today` what counts after the day `after`; tell whether anything is new.

        Nothing is raised: where the journal is away, what was read before stays.
        """
        with self._lock:
            if isinstance(self._place, Path) and not self._place.exists():
                return False
            try:
                changed = self._read(after, today)
                self._failed = ""
            except Exception as error:
                self._complain(error)
                return False
            return changed

    def flights(self) -> OperatedFlights:
        """Give all that was read."""
        with self._lock:
            days = [self._days[day] for day in sorted(self._days)]
        return joined(days)

    def close(self) -> None:
        """Let go of the journal; one that does not answer is not waited for."""
        if not self._lock.acquire(timeout=_PATIENCE):
            return
        if self._database is not None:
            self._database.close()
        self._lock.release()

    def _read(self, after: int, today: int) -> bool:
        database = self._open()
        change = database.file_change()
        if change is not None:
            database.leave(change)
            self._read_until, self._stale = 0, set(self._known)
        newest = database.newest_id()
        if newest > self._read_until:
            days = database.days_of(self._read_until, newest)
            self._known |= days
            self._stale |= days
            self._read_until = newest
        wanted = _within_reach({day for day in self._known if after - _LEAVES_WITHIN <= day < today})
        due = sorted(day for day in wanted if day in self._stale or day not in self._days)
        gone = self._days.keys() - wanted
        for day in gone:
            del self._days[day]
        began = time.monotonic()
        if not due:
            self.counted = newest
            return bool(gone)
        if began < self._not_before:
            return bool(gone)
        self._days |= _by_day(database.read(due[0], due[-1], self._target), due)
        self._stale -= set(due)
        self.was_read = True
        ended = time.monotonic()
        self._not_before = ended + _REST * (ended - began)
        return True

    def _open(self) -> "OutcomeDatabase":
        if self._database is None:
            # SQLAlchemy takes a tenth of a second to load, for which no answer should wait.
            from puntual.operations.outcome_database import OutcomeDatabase

            self._database = OutcomeDatabase(self._place)
        return self._database

    def _complain(self, error: Exception) -> None:
        message = first_line(error)
        if message != self._failed:
            _LOG.error("past days cannot be read from the journal (%s); history stays as it was", message)
        self._failed = message
        if self._database is not None:
            self._database.close()


def _within_reach(days: set[int]) -> set[int]:
    """Keep the days that the longest window can still reach from the newest, and from a week before."""
    oldest = max(days, default=0) - max(WINDOWS) - 2 * _LEAVES_WITHIN
    return {day for day in days if day > oldest}


def _by_day(flights: OperatedFlights, days: list[int]) -> dict[int, OperatedFlights]:
    scheduled = flights.scheduled // (24 * 60 * 60)
    order = np.argsort(scheduled, kind="stable")
    ends = np.searchsorted(scheduled[order], days, side="right")
    begins = np.searchsorted(scheduled[order], days)
    return {
        day: flights.take(order[begin:end])
        for day, begin, end in zip(days, begins.tolist(), ends.tolist(), strict=True)
    }
