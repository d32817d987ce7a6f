"""The operations on a board, laid out as training lays out those of a table, so that live columns are the same bits.

A piece of news moves the points of its flight alone. What was known of a flight before a correction came stays where it
was, so that what is read of an earlier moment is what was known then.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from puntual.features.flight_keys import EPOCH, Keys, as_ids, category_of
from puntual.features.growing_line import Counts, GrowingLine
from puntual.features.live import LINE_WIDTHS, Lines, Traffic, outcomes_of, points_of
from puntual.features.live_vector import DayKnowledge, live_columns
from puntual.features.moments import CutOffs, entities_of
from puntual.features.revised import Revisions, revisions_of
from puntual.features.rotation import LONGEST_GAP, Legs, Turns, legs_of, previous_of
from puntual.features.vector import Matrix
from puntual.features.weather import WeatherLine, weather_of
from puntual.flights import airports
from puntual.flights.flight import LateRule
from puntual.flights.operations import MEASURES, NEVER, Minutes, Observations
from puntual.operations.board import OUTCOMES, Board, state_of
from puntual.operations.event import FlightKey, KnownEvent
from puntual.operations.known_leg import NOTHING, KnownLeg, leg_of, minute_of, operations_of
from puntual.sources.times import local_time

_EPOCH = EPOCH.replace(tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_GONE = Lines._fields.index("gone")


@dataclass(frozen=True, slots=True)
class FlightsAtCutOffs:
    """n flights to look at: what each goes by, its keys, and when it is scheduled and looked at; arrays of shape (n,).

    `scheduled` and `cut_off` are real minutes since 1970, and `offset` is that of the origin's clocks.
    """

    flights: Sequence[FlightKey]
    keys: Keys
    scheduled: Minutes
    cut_off: Minutes
    offset: Minutes


class _Point(NamedTuple):
    """A point of a flight: on which of the four lines of each level, at which minute, and what it counts."""

    line: int
    minute: int
    counts: Counts


_LATEST = datetime.max.replace(tzinfo=UTC)


class OperationsLayout:
    """The lines of all flights, and the flights of each aircraft; only one may change or read it at a time."""

    def __init__(self, board: Board, rule: LateRule) -> None:
        """Begin without a flight; what flights' news is is read from the board, and `rule` says what is late."""
        self._board, self._rule = board, rule
        self.days: set[int] = set()
        self._weather: WeatherLine | None = None
        self._lines = tuple(map(GrowingLine, LINE_WIDTHS))
        self._traffic = Traffic(Lines(*self._lines))
        self._placed: dict[FlightKey, list[tuple[tuple[int, ...], _Point]]] = {}
        # The flights of the timetable, with when they leave and where for.
        self._listed: dict[FlightKey, tuple[datetime, str]] = {}
        self._by_tail: defaultdict[str, set[FlightKey]] = defaultdict(set)
        self._newest_legs: dict[FlightKey, KnownLeg] = {}

    def list_day(self, day: int, flights: Keys, unlisted: Mapping[str, str]) -> list[FlightKey]:
        """Take the flights of the timetable of a day, to be placed, and name them.

        `unlisted` are airports that nobody lists, with time zones.
        """
        texts = (
            column.texts().tolist()
            for column in (flights.origin, flights.airline, flights.flight_number, flights.destination)
        )
        zones = {
            origin: airports.zone_of(origin, unlisted) for origin in set(flights.origin.texts().tolist())
        }
        listed = {}
        for minute, origin, airline, number, destination in zip(flights.minute.tolist(), *texts, strict=True):
            clock = EPOCH + timedelta(days=day, minutes=minute)
            local = local_time(clock, ZoneInfo(zones[origin])) if zones[origin] else None
            if local is not None:
                flight = FlightKey(airline, number, origin, clock.isoformat(timespec="minutes"))
                listed[flight] = (local.instant, destination)
        self.days.add(day)
        self._listed |= listed
        return list(listed)

    def place(self, flights: Sequence[FlightKey]) -> None:
        """Put flights on the lines by all that is known of them now, in the place of what was known before."""
        if not flights:
            return
        versions = [self._versions(flight) for flight in flights]
        for flight in flights:
            self._take_off(flight)
        destinations = [newest.destination for *_, (_, newest) in versions]
        by_level = (ids.tolist() for ids in entities_of(_keys_of(flights, destinations)).values())
        entities = list(zip(*by_level, strict=True))
        for row, point in self._points(flights, versions):
            self._put(flights[row], entities[row], point)

    def look_at_weather(self) -> None:
        """Lay out the weather that the board holds."""
        self._weather = _weather_on(self._board)

    def columns(self, at_cut_offs: FlightsAtCutOffs, turns: Turns) -> Matrix:
        """Give what was known of n flights at their cut-offs in `LIVE_COLUMNS` order, shape (n, columns)."""
        listed = np.array([flight in self._listed for flight in at_cut_offs.flights], bool)
        moments = CutOffs(
            at_cut_offs.keys, at_cut_offs.scheduled, at_cut_offs.cut_off, at_cut_offs.offset, listed
        )
        known = DayKnowledge(self._traffic, turns, self._weather, self._revisions(at_cut_offs))
        return live_columns(moments, self._legs(at_cut_offs), as_ids(np.arange(len(moments))), known)

    def _put(self, flight: FlightKey, entities: tuple[int, ...], point: _Point) -> None:
        for entity in entities:
            self._lines[point.line].add(entity, point.minute, point.counts)
        self._placed.setdefault(flight, []).append((entities, point))

    def _take_off(self, flight: FlightKey) -> None:
        for entities, point in self._placed.pop(flight, []):
            for entity in entities:
                self._lines[point.line].remove(entity, point.minute, point.counts)

    def _versions(self, flight: FlightKey) -> list[tuple[int, KnownLeg]]:
        """Give what was known of a flight as each piece of news of its end came, and when; at least one entry."""
        events = self._board.events_of(flight)
        for event in events:
            if event.tail is not None:
                self._by_tail[event.tail].add(flight)
        newest = self._leg(flight, events, _LATEST)
        if events:
            self._newest_legs[flight] = newest
        ends = [event for event in events if event.kind in OUTCOMES]
        # Most flights leave once and land, which changes nothing of how they left.
        if newest.left < NEVER and sum(event.kind != "arrived" for event in ends) == 1:
            return [(NEVER, newest)]
        moments = sorted({event.known_at for event in ends})
        versions = [(minute_of(moment), self._leg(flight, events, moment)) for moment in moments]
        gone = [
            place
            for place, (_, leg) in enumerate(versions)
            if min(leg.left_known, leg.cancelled_known) < NEVER
        ]
        return versions[gone[0] :] if gone else [(NEVER, newest)]

    def _points(
        self, flights: Sequence[FlightKey], versions: Sequence[Sequence[tuple[int, KnownLeg]]]
    ) -> Iterator[tuple[int, _Point]]:
        """Give the points of flights: those of what was known first, and on the line of gone ones each change."""
        first = operations_of([legs[0][1] for legs in versions], self._rule)
        for line, on in enumerate(points_of(first)):
            for row, minute, counts in zip(*(column.tolist() for column in on), strict=True):
                # Nobody waits for a flight that no timetable lists.
                if minute < NEVER and (line == _GONE or flights[row] in self._listed):
                    yield row, _Point(line, minute, tuple(counts))
        for row, legs in enumerate(versions):
            if len(legs) > 1:
                outcomes = outcomes_of(operations_of([leg for _, leg in legs], self._rule))
                for (known, _), change in zip(legs[1:], np.diff(outcomes, axis=0).tolist(), strict=True):
                    if any(change):
                        yield row, _Point(_GONE, known, tuple(change))

    def _leg(self, flight: FlightKey, events: list[KnownEvent], moment: datetime) -> KnownLeg:
        """Give what was known of a flight at a moment."""
        state = state_of(events, moment)
        departs, destination = self._listed.get(flight, (None, ""))
        if state is None:
            return leg_of(departs or _EPOCH, destination, flight.origin, NOTHING)
        return leg_of(departs or state.departs, state.destination or destination, flight.origin, state)

    def _leg_at(self, flight: FlightKey, moment: datetime) -> KnownLeg:
        events = self._board.events_of(flight)
        if events and events[-1].known_at <= moment and flight in self._newest_legs:
            return self._newest_legs[flight]
        return self._leg(flight, events, moment)

    def _legs(self, at_cut_offs: FlightsAtCutOffs) -> Legs | None:
        """Gather the legs that each flight's aircraft flew before it, as known at its cut-off."""
        rows: list[KnownLeg] = []
        aircraft: list[int] = []
        own: list[int] = []
        scheduled = at_cut_offs.scheduled.tolist()
        for place, (flight, cut_off) in enumerate(
            zip(at_cut_offs.flights, at_cut_offs.cut_off.tolist(), strict=True)
        ):
            moment = _EPOCH + cut_off * _MINUTE
            leg = self._leg_at(flight, moment)
            own.append(len(rows))
            rows.append(leg._replace(scheduled=scheduled[place]))
            aircraft.append(-1 if leg.tail is None else place)
            if leg.tail is not None:
                before = self._flown_before(flight, leg.tail, scheduled[place], moment)
                rows += before
                aircraft += [place] * len(before)
        if max(aircraft) < 0:
            return None
        operations = operations_of(rows, self._rule, aircraft)
        keys = _keys_of_places([row.origin for row in rows], [row.destination for row in rows])
        return legs_of(np.array(own, np.intp), previous_of(operations), keys, operations)

    def _flown_before(self, flight: FlightKey, tail: str, scheduled: int, moment: datetime) -> list[KnownLeg]:
        legs = (self._leg_at(other, moment) for other in sorted(self._by_tail[tail]) if other != flight)
        return [leg for leg in legs if leg.tail == tail and 0 <= scheduled - leg.scheduled <= 2 * LONGEST_GAP]

    def _revisions(self, at_cut_offs: FlightsAtCutOffs) -> Revisions | None:
        rows = [
            (place, scheduled, minute_of(event.known_at), minute_of(event.expected_departure))
            for place, (flight, scheduled) in enumerate(
                zip(at_cut_offs.flights, at_cut_offs.scheduled.tolist(), strict=True)
            )
            for event in self._board.events_of(flight)
            if event.expected_departure is not None
        ]
        if not rows:
            return None
        flight, scheduled, known, expected = np.array(rows, np.int64).T
        return revisions_of(as_ids(flight), scheduled, known, expected)


def _keys_of(flights: Sequence[FlightKey], destinations: Sequence[str]) -> Keys:
    nothing = np.zeros(len(flights), np.int64)
    texts = (
        [flight.origin for flight in flights],
        [flight.airline for flight in flights],
        destinations,
        [flight.flight_number for flight in flights],
    )
    return Keys(nothing, nothing, *map(category_of, texts))


def _keys_of_places(origins: Sequence[str], destinations: Sequence[str]) -> Keys:
    """Give keys of which only origin and destination count."""
    nothing = np.zeros(len(origins), np.int64)
    origin = category_of(origins)
    return Keys(nothing, nothing, origin, origin, category_of(destinations), origin)


def _weather_on(board: Board) -> WeatherLine | None:
    rows = [
        (airport, minute_of(event.known_at), _measured(event.observation or "{}"))
        for airport, of in list(board.airports.items())
        for event in of.weather
    ]
    if not rows:
        return None
    airport, known, values = zip(*rows, strict=True)
    return weather_of(Observations(np.array(airport, np.str_), np.array(known, np.int64), np.array(values)))


@lru_cache(maxsize=16_384)
def _measured(observation: str) -> tuple[float, ...]:
    values = msgspec.json.decode(observation)
    return tuple(float(values.get(measure, "nan")) for measure in MEASURES)
