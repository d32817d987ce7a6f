"""The flights that a stress test asks about: of a real table, moved over dates so that none comes twice, or not."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import TableError
from puntual.features.flight_keys import NAMED
from puntual.prediction.predictor import Predictor
from puntual.prediction.table_io import read_table
from puntual.sources import SOURCES, read_flights

KEY = [*NAMED, "scheduled_departure"]
# A scheduled departure on any day; moved to other days and minutes it is another flight.
_SCHEDULE = [*NAMED, "minute"]
_MOST_DAYS, _MINUTES_A_DAY = 365, 1_440
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class FlightPool:
    """Every departure of a timetable on each of some days: so many flights, all different, to take from in order.

    `schedules` name the departures with their `minute` of the day, once each; `days` are since 1970, and `homes` says
    for each schedule at which of them it begins.
    """

    schedules: pl.DataFrame
    days: NDArray[np.int64]
    homes: NDArray[np.int64]

    def __len__(self) -> int:
        return self.schedules.height * len(self.days)

    def take(self, first: int, count: int) -> pl.DataFrame:
        """Give `count` flights from place `first` on, fewer where the pool ends: `KEY` and `time_zone`."""
        turns, places = np.divmod(np.arange(first, min(first + count, len(self))), self.schedules.height)
        # A schedule comes again only with the next turn, which is on another day.
        days = self.days[(self.homes[places] + turns) % len(self.days)]
        return (
            self.schedules[places]
            .with_columns(day=pl.Series(days))
            .select(*NAMED, "time_zone", scheduled_departure=_at(pl.col("minute")))
        )


def flights_for(predictor: Predictor, file: Path | None) -> pl.DataFrame:
    """Read flights to ask about: those of a file, or of the table that the bundle learnt from.

    Raise TableError when there is neither.
    """
    manifest = predictor.bundle.manifest
    if file is not None:
        return read_table(
            str(file), "", None, None, manifest.late_rule, time_zones=predictor.unlisted
        ).flights
    source = SOURCES.get(manifest.source)
    if source is None or not source.is_present():
        raise TableError(
            f"bundle {predictor.bundle.version} learnt from the source {manifest.source!r}, whose table is not here; "
            "name flights to ask about with --flights FILE (airline, flight_number, origin, destination, "
            "scheduled_departure)"
        )
    return read_flights(manifest.source).flights


def pool_of(predictor: Predictor, flights: pl.DataFrame, number: int) -> FlightPool:
    """Move the flights of a table over the days that a bundle knows, and over minutes where days are too few.

    The pool holds at least `number` flights, or each number of the table at every minute of every day.
    """
    usable = _usable(predictor, flights)
    days = _with_history(predictor, usable, _days(predictor, usable))
    clock = pl.col("scheduled_departure")
    schedules = usable.with_columns(
        minute=clock.dt.hour().cast(pl.Int64) * 60 + clock.dt.minute().cast(pl.Int64)
    )
    schedules = schedules.select(*_SCHEDULE, "time_zone").unique(_SCHEDULE, keep="last", maintain_order=True)
    step = 1
    while schedules.height * len(days) < number and step < _MINUTES_A_DAY:
        later = schedules.with_columns((pl.col("minute") + step) % _MINUTES_A_DAY)
        schedules = pl.concat([schedules, later]).unique(_SCHEDULE, maintain_order=True)
        step *= 2
    # Shuffled, so that flights asked about at the same moment have little in common; always alike.
    schedules = schedules.sample(fraction=1.0, shuffle=True, seed=0)
    homes = np.random.default_rng(0).integers(len(days), size=schedules.height)
    return FlightPool(schedules, days, homes)


def latest_flights(predictor: Predictor, flights: pl.DataFrame, distinct: int) -> pl.DataFrame:
    """Take the latest flights of a table that a bundle knows, as they were: at most `distinct`, each once."""
    usable = _usable(predictor, flights)
    days = _days(predictor, usable)
    chosen = (
        usable.filter(pl.col("scheduled_departure").dt.date().cast(pl.Int32).is_in(days.tolist()))
        .unique(KEY, keep="first", maintain_order=True)
        .sort("scheduled_departure", maintain_order=True)
        .tail(distinct)
    )
    return chosen.select(*KEY, "time_zone").sample(fraction=1.0, shuffle=True, seed=0)


def _usable(predictor: Predictor, flights: pl.DataFrame) -> pl.DataFrame:
    until = predictor.bundle.manifest.history_until
    usable = flights.filter(pl.col("scheduled_departure").dt.date() <= until)
    if usable.is_empty():
        raise TableError(
            f"no flight leaves by {until}, the last day that the bundle knows; "
            "name earlier flights with --flights FILE"
        )
    return usable


def _days(predictor: Predictor, flights: pl.DataFrame) -> NDArray[np.int64]:
    """Give the days of a bundle's period, the latest year of it, but for those on which clocks change.

    What clocks skip is refused, and what they show twice is answered with a warning: neither is for load.
    """
    manifest = predictor.bundle.manifest
    last = manifest.history_until
    first = max(manifest.period[0].date() + timedelta(1), last - timedelta(_MOST_DAYS - 1))
    days = [first + timedelta(place) for place in range((last - first).days + 1)] or [last]
    clocks = [ZoneInfo(zone) for zone in flights["time_zone"].unique()]
    return np.array([(day - _EPOCH).days for day in days if not any(_changes(day, zone) for zone in clocks)])


def _with_history(predictor: Predictor, flights: pl.DataFrame, days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave out the days before which the bundle holds no operations; all stay where there is no other."""
    one = flights.head(1).select(*NAMED).join(pl.DataFrame({"day": days}), how="cross")
    probes = one.with_columns(scheduled_departure=_at(pl.lit(0)))
    known = predictor.predict(probes, timetable_of=probes.clear()).history_until >= 0
    return days[known] if known.any() else days


def _at(minutes: pl.Expr) -> pl.Expr:
    """Give the moment so many minutes into the column `day`."""
    return pl.from_epoch("day", "d").cast(pl.Datetime("us")) + pl.duration(minutes=minutes)


def _changes(day: date, zone: ZoneInfo) -> bool:
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    return start.utcoffset() != (start + timedelta(1)).utcoffset()
