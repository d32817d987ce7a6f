"""An airport's departures on a day, and how many of them will leave on time.

They are those that the service was given, or else the usual ones of that weekday, which the bundle keeps as two
tables of the same weeks: how often an airline leaves in a minute, and how often it flies a number to a destination.
"""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from puntual.api.predict.contract import MOST_FLIGHTS, PredictRequest, ScheduledFlight
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel
from puntual.errors import PuntualError
from puntual.features.flight_keys import NAMED
from puntual.flights import airports
from puntual.flights.arrays import Columns, grouped, take

# Multiples of it fill the range from 0 to 1 evenly, however many they are.
_GOLDEN = (math.sqrt(5) - 1) / 2
_LEAST_VARIANCE = 1e-12


class AirportDepartures(NamedTuple):
    """The departures of a day: the request for each, and how many flights it stands for."""

    flights: list[ScheduledFlight]
    weights: NDArray[np.float64]
    known: bool


class UsualShare(NamedTuple):
    """The share of departures on time over past days, and the variance that the flights of a day have in common."""

    share: float
    variance: float
    days: int


class OnTime(NamedTuple):
    """What is expected of a day: the share on time, the chance that it beats the usual one, and what they rest on."""

    share: float
    beats_usual: float
    usual: UsualShare
    departures: float
    known: bool


@dataclass(frozen=True)
class Usual:
    """What the bundle `version` knows of usual days.

    `week` counts departures by origin, airline, weekday and minute over some weeks, `flown` flights by origin,
    airline, destination and number, and `days` flights and late ones by origin and day.
    """

    version: str
    week: Columns
    flown: Columns
    days: Columns

    def departures(self, origin: str, day: date) -> AirportDepartures:
        """Give the usual departures of an airport on a day's weekday.

        Which number leaves at which minute is not kept, so the minutes of an airline are spread evenly over what it
        flies: hour and destination are taken as independent.
        """
        that_day = self.week["weekday"] == day.weekday()
        week = take(self.week, (self.week["origin"] == origin) & that_day)
        flown = take(self.flown, self.flown["origin"] == origin)
        flights: list[ScheduledFlight] = []
        weights: list[float] = []
        for airline in np.unique(week["airline"]):
            usual = take(week, week["airline"] == airline)
            own = take(flown, flown["airline"] == airline)
            if len(own["flights"]):
                minutes = np.argsort(usual["minute"])
                drawn = take(own, _spread(own["flights"], len(minutes)))
                flights += _flights_of(day, usual["minute"][minutes], drawn)
                weights.extend((usual["flights"] / usual["weeks"])[minutes])
        return AirportDepartures(flights, np.array(weights), known=False)

    def share(self, origin: str) -> UsualShare:
        """Give the usual share on time of an airport; that of all airports together, of 0 days, where it has none."""
        own = take(self.days, self.days["origin"] == origin)
        number = len(own["flights"])
        share, variance = _usual(own if number else self.days)
        return UsualShare(share, variance, number)


class AirportDays:
    """Says how many of an airport's departures will leave on time, by the one service."""

    def __init__(self, service: ServingModel) -> None:
        self._service = service
        self._usual: Usual | None = None

    async def on_time(self, airport: str, day: date, request_id: str) -> OnTime | None:
        """Predict a day; None where no departures are known, and ProblemError as predictions raise it."""
        usual = await self._usual_of_champion()
        departures = await self._departures(usual, airport, day)
        if not departures.flights or not len(usual.days["flights"]):
            return None
        on_time = 1 - np.array(await self._late(departures, request_id))
        share, number = usual.share(airport), float(departures.weights.sum())
        expected = float(departures.weights @ on_time) / number
        chance = beats(on_time, departures.weights, share)
        return OnTime(expected, chance, share, number, departures.known)

    async def _departures(self, usual: Usual, airport: str, day: date) -> AirportDepartures:
        known = await self._service.departures(airport, day)
        words = {name: getattr(known, name).texts() for name in NAMED}
        # A timetable may hold more than the service takes as a code.
        flights = [
            flight
            for flight in _flights_of(day, known.minute, words)
            if (flight.airline or "").isalnum()
            and (flight.flight_number or "").isalnum()
            and flight.origin != flight.destination
        ]
        if flights:
            return AirportDepartures(flights, np.ones(len(flights)), known=True)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, usual.departures, airport, day)

    async def _late(self, departures: AirportDepartures, request_id: str) -> list[float]:
        late: list[float] = []
        for part in _parts(departures.flights):
            request = PredictRequest(part)
            answered = await self._service.answer(request, request_id, recorded=departures.known)
            late += answered.late_probability
        return late

    async def _usual_of_champion(self) -> Usual:
        version = self._service.champion().version
        if self._usual is None or self._usual.version != version:
            try:
                tables = await self._service.tables("typical_week", "history")
            except PuntualError as error:
                raise ProblemError(503, f"the usual days cannot be read: {error}") from error
            loop = asyncio.get_running_loop()
            self._usual = await loop.run_in_executor(None, _summed, version, tables)
        return self._usual


def beats(on_time: NDArray[np.float64], weights: NDArray[np.float64], usual: UsualShare) -> float:
    """Give the chance that the share on time is larger than the usual one, by a normal law.

    Its variance is that of flights that are late one by one, each for `weights` flights, and that which a day's
    flights have in common: `on_time` and `weights` have shape (n,).
    """
    number = weights.sum()
    expected = (weights @ on_time) / number
    variance = (weights @ (on_time * (1 - on_time))) / number**2 + usual.variance
    return math.erfc((usual.share - expected) / math.sqrt(2 * max(variance, _LEAST_VARIANCE))) / 2


def _usual(days: Columns) -> tuple[float, float]:
    """Give the share on time over days, and by the method of moments what sets days apart beyond chance."""
    flights, late = (days[name].astype(np.float64) for name in ("flights", "late"))
    number = flights.sum()
    share = 1 - late.sum() / number
    seen = flights @ (1 - late / flights - share) ** 2
    by_chance = (len(flights) - 1) * share * (1 - share)
    effective = number - (flights @ flights) / number
    return float(share), float(max(0.0, seen - by_chance) / effective) if effective > 0 else 0.0


def _summed(version: str, tables: Mapping[str, Columns]) -> Usual:
    history = tables["history"]
    flown = _summed_by(history, ("origin", "airline", "destination", "flight_number"), ("flights",))
    # An airline may have a name where the service takes a code, and no flight ends where it begins.
    taken = np.char.isalnum(flown["airline"]) & np.char.isalnum(flown["flight_number"])
    taken &= flown["origin"] != flown["destination"]
    days = _summed_by(history, ("origin", "day"), ("flights", "late"))
    return Usual(version, tables["typical_week"], take(flown, taken), days)


def _summed_by(table: Columns, keys: Sequence[str], counts: Sequence[str]) -> Columns:
    """Sum counts over the rows of equal keys, in the order of the keys."""
    order, begins = grouped([table[name] for name in keys])
    sums = {name: np.add.reduceat(table[name][order], begins) for name in counts}
    return take({name: table[name] for name in keys}, order[begins]) | sums


def _spread(flown: NDArray[np.int64], number: int) -> NDArray[np.intp]:
    """Draw so many of n flights, each as often as it is flown, evenly and always the same ones."""
    reached = flown.cumsum()
    at = np.arange(1, number + 1) * _GOLDEN % 1 * reached[-1]
    drawn: NDArray[np.intp] = reached.searchsorted(at, "right")
    return drawn


def _flights_of(day: date, minutes: NDArray[np.int64], flights: Columns) -> list[ScheduledFlight]:
    """Put flights on the minutes of a day; what would leave in an hour that its clocks skip leaves after it."""
    midnight = datetime(day.year, day.month, day.day)
    zone = _zone(flights["origin"])
    words = (flights[name].tolist() for name in ("airline", "flight_number", "origin", "destination"))
    return [
        ScheduledFlight(
            origin,
            destination,
            _shown(midnight + timedelta(minutes=minute), zone).isoformat(),
            airline,
            number,
        )
        for minute, airline, number, origin, destination in zip(minutes.tolist(), *words, strict=True)
    ]


def _zone(origins: NDArray[np.str_]) -> ZoneInfo | None:
    airport = airports.look_up(str(origins[0])) if len(origins) else None
    return None if airport is None else ZoneInfo(airport.time_zone)


def _shown(clock: datetime, zone: ZoneInfo | None) -> datetime:
    if zone is None:
        return clock
    return clock.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)


def _parts(flights: Sequence[ScheduledFlight]) -> Iterator[list[ScheduledFlight]]:
    return (list(flights[start : start + MOST_FLIGHTS]) for start in range(0, len(flights), MOST_FLIGHTS))
