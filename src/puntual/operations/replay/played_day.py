"""What is played of a past day: its flights, its events in the order in which they are told, and the questions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import NotEnoughFlightsError
from puntual.evaluation import Outcomes
from puntual.features.history import WINDOWS
from puntual.flights import airports
from puntual.flights.flight import LateRule, Target
from puntual.flights.operations import Minutes, Operations
from puntual.flights.schema import bands_of, by_departure, delay_minutes, has_operation
from puntual.operations.event import KnownEvent
from puntual.operations.event_contract import SentEvent
from puntual.operations.event_writing import as_sent
from puntual.operations.table_events import events_of_table, period_of
from puntual.sources import FlightTable
from puntual.sources.observed import operations_of_table
from puntual.sources.times import local_time

# The close of the day before, and minutes before the schedule.
DAY = "day"
HORIZONS = (DAY, "720", "360", "180", "120", "60", "30")
# Live features look back on so many days; history needs no more than who left and who was cancelled.
_LIVE_DAYS = 3
_FOR_HISTORY = frozenset({"left", "cancelled"})
_DAY_MINUTES = 24 * 60
_FIELDS = ("airline", "flight_number", "origin", "destination")


class Question(NamedTuple):
    """What is asked at a minute (real, since 1970): flights by their rows, at a horizon."""

    minute: int
    horizon: str
    rows: NDArray[np.intp]

    @property
    def as_of(self) -> str | None:
        """The cut-off as a request gives it; the close of the day before is what is taken without one."""
        if self.horizon == DAY:
            return None
        return f"{datetime(1970, 1, 1) + timedelta(minutes=self.minute):%Y-%m-%dT%H:%M}Z"


@dataclass(frozen=True)
class PlayedDay:
    """A past day: `flights` that are asked about, `posted_at` the minute of each event, and the timetable around it.

    `midnight` is the real minute at which the day begins at each flight's origin, shape (n,); `silent` counts the
    flights of the day that cannot be asked about.
    """

    day: date
    flights: pl.DataFrame
    operations: Operations
    midnight: Minutes
    outcomes: Outcomes
    timetable: list[dict[str, str]]
    events: list[SentEvent]
    posted_at: Minutes
    silent: int

    def requests(self, rows: NDArray[np.intp]) -> list[dict[str, str]]:
        """Write some flights as a request does."""
        return _written(self.flights[rows])

    def waiting(self, horizon: str) -> NDArray[np.bool_]:
        """Tell which flights were not known to be gone at a horizon."""
        gone = np.minimum(self.operations.left, self.operations.cancelled_known)
        is_waiting: NDArray[np.bool_] = gone > self._cut_off(horizon)
        return is_waiting

    def questions(self) -> list[Question]:
        """Give the questions in the order of their minutes; of one minute that of the day before comes first."""
        return sorted(self._questions(), key=lambda question: (question.minute, question.horizon != DAY))

    def _questions(self) -> Iterator[Question]:
        for horizon in HORIZONS:
            rows = np.flatnonzero(self.waiting(horizon))
            minute = self._cut_off(horizon)[rows]
            for one in np.unique(minute).tolist():
                yield Question(one, horizon, rows[minute == one])

    def _cut_off(self, horizon: str) -> Minutes:
        return self.midnight if horizon == DAY else self.operations.scheduled - int(horizon)


def prepare_day(
    table: FlightTable,
    day: date,
    rule: LateRule,
    history_until: date,
    target: Target = Target.DEPARTURE,
) -> PlayedDay:
    """Take a day of a table, with the events of the days before that a model closed at `history_until` needs.

    Its outcomes are those that a model of the `target` predicts.

    Raise NotEnoughFlightsError where the table holds no flight of it that left or was cancelled.
    """
    first = max(min(history_until, day - timedelta(days=_LIVE_DAYS)), day - timedelta(days=max(WINDOWS) + 1))
    flights, weather = period_of(table, _midnight(first), _midnight(day + timedelta(days=2)), target)
    flights = flights.filter(has_operation(by_departure(flights)))
    on = pl.col("scheduled_departure").dt.date()
    of_day = flights.filter(on == day, has_operation(flights))
    requested = of_day.filter(_can_be_requested(of_day))
    if requested.is_empty():
        held = table.flights["scheduled_departure"].dt.strftime("%Y-%m-%d")
        raise NotEnoughFlightsError(
            f"the table holds no flight of {day} that left or was cancelled; expected a day from "
            f"{held.min()!s} to {held.max()!s}; name another with --day"
        )
    around = flights.filter(on >= day - timedelta(days=1))
    operations = operations_of_table(requested, rule)
    posted_at, events = _events_in_order(flights.filter(on <= day), weather, day)
    clock = (
        requested["scheduled_departure"].dt.hour().cast(pl.Int64) * 60
        + requested["scheduled_departure"].dt.minute()
    )
    days = np.full(len(requested), (day - date(1970, 1, 1)).days, np.int32)
    return PlayedDay(
        day,
        requested,
        operations,
        operations.scheduled - clock.to_numpy(),
        Outcomes(bands_of(requested, rule), delay_minutes(requested), days),
        _written(
            around.filter(_can_be_requested(around)).unique(
                ["scheduled_departure", *_FIELDS], maintain_order=True
            )
        ),
        events,
        posted_at,
        of_day.height - requested.height,
    )


def _events_in_order(
    flights: pl.DataFrame, weather: pl.DataFrame | None, day: date
) -> tuple[Minutes, list[SentEvent]]:
    """Give events in the order in which they are told, and the minute of each."""
    recent = (day - timedelta(days=_LIVE_DAYS)).isoformat()
    ordered = [
        (_posting_minute(event), sent)
        for event in events_of_table(flights, weather).events
        if event.kind in _FOR_HISTORY or event.kind == "weather" or event.scheduled_departure >= recent
        if (sent := as_sent(event)) is not None
    ]
    ordered.sort(key=lambda pair: pair[0])
    return np.array([minute for minute, _ in ordered], np.int64), [sent for _, sent in ordered]


def _posting_minute(event: KnownEvent) -> int:
    """Give the minute at which an event is told: when it was known, or when the day is over for which it counts.

    History counts a flight on the day that it left, or was to leave where it was cancelled, as training does; live
    features go by when it was known, whenever it is told.
    """
    known = int(event.known_at.timestamp()) // 60
    if event.departs is None or event.kind not in _FOR_HISTORY:
        return known
    clock = datetime.fromisoformat(event.scheduled_departure)
    happened = event.at - event.departs if event.kind == "left" else timedelta()
    minute = int((event.departs + happened).timestamp()) // 60
    local = clock + happened
    return min(known, minute + _DAY_MINUTES - (local.hour * 60 + local.minute))


def _can_be_requested(flights: pl.DataFrame) -> pl.Series:
    """Tell which flights a request can name: from a listed airport to another, at a time that the clocks show."""
    places = pl.col("origin").is_in([code for code in flights["origin"].unique() if airports.look_up(code)])
    return flights.select(
        (places & (pl.col("origin") != pl.col("destination"))).fill_null(False)
        & pl.Series(_is_shown(flights))
    ).to_series()


def _is_shown(flights: pl.DataFrame) -> list[bool]:
    pairs = flights.select("scheduled_departure", "time_zone").iter_rows()
    return [local_time(clock, ZoneInfo(zone)) is not None for clock, zone in pairs]


def _written(flights: pl.DataFrame) -> list[dict[str, str]]:
    names = flights.select(*_FIELDS, pl.col("scheduled_departure").dt.strftime("%Y-%m-%dT%H:%M"))
    return [
        {name: value for name, value in flight.items() if value} for flight in names.iter_rows(named=True)
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
