"""The board: what is known of each flight and airport, and since when; a pure function of the events that it holds.

Any order and repetition of the same events gives the same board. Of each airport it holds what became known within
the last three days before the airport's newest event, so that it does not grow.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from puntual.operations.event import FlightKey, KnownEvent

Status = Literal["scheduled", "overdue", "left", "arrived", "cancelled"]
KEPT = timedelta(days=3)
_HOUR = timedelta(hours=1)
# Of two that contradict each other and were known at the same moment the later one here counts: who saw a flight leave
# or land knows better than who called it off.
RANKS = {"weather": 0, "tail": 1, "expected": 2, "cancelled": 3, "left": 4, "arrived": 5}
# A sign that somebody still tells what happens to the flights that leave an airport.
_SIGNS_OF_LIFE = frozenset({"left", "cancelled", "expected", "tail"})
# News of how a flight ended.
OUTCOMES = frozenset({"left", "arrived", "cancelled"})


class FlightState(NamedTuple):
    """What is known of one flight at a moment; moments are in UTC, and `known_at` is that of the newest news."""

    status: Status
    departs: datetime
    destination: str
    known_at: datetime
    scheduled_arrival: str | None = None
    left_at: datetime | None = None
    arrived_at: datetime | None = None
    cancelled_at: datetime | None = None
    expected_departure: datetime | None = None
    revisions: int = 0
    tail: str | None = None
    left_known_at: datetime | None = None
    arrived_known_at: datetime | None = None
    cancelled_known_at: datetime | None = None


class AirportBoard:
    """The events of one airport: those of the flights that leave it, by flight, and of its weather."""

    def __init__(self) -> None:
        self.flights: dict[FlightKey, list[KnownEvent]] = {}
        self.weather: list[KnownEvent] = []
        # The flights that an aircraft was ever assigned to, by its tail.
        self.by_tail: dict[str, set[FlightKey]] = {}
        # When each piece of news of departing flights was known, in order.
        self._signs: list[datetime] = []
        self._limit = datetime.min.replace(tzinfo=UTC)
        self._newest: datetime | None = None

    def apply(self, event: KnownEvent) -> bool:
        """Take an event; False for one that is known already, or older than what is held."""
        if self._newest is None or event.known_at > self._newest:
            self._newest = event.known_at
            self._forget_before(_whole_hour(event.known_at) - KEPT)
        elif event.known_at < self._limit:
            return False
        known = self.weather if event.kind == "weather" else self.flights.get(event.flight, [])
        place = bisect_right(known, _order(event), key=_order)
        if place and known[place - 1] == event:
            return False
        # Another list, since others may be reading this one.
        self._put(event, [*known[:place], event, *known[place:]])
        return True

    def last_sign_of_life(self, moment: datetime) -> datetime | None:
        """Give when the newest news of a departing flight was known, as of a moment."""
        place = bisect_right(self._signs, moment)
        return self._signs[place - 1] if place else None

    def knows_since(self, moment: datetime) -> bool:
        """Tell whether news of departing flights came before a moment, too."""
        return bool(self._signs) and self._signs[0] <= moment

    def _put(self, event: KnownEvent, events: list[KnownEvent]) -> None:
        if event.kind == "weather":
            self.weather = events
            return
        self.flights[event.flight] = events
        self._index(event)
        if event.kind in _SIGNS_OF_LIFE:
            insort(self._signs, event.known_at)

    def _forget_before(self, limit: datetime) -> None:
        if limit == self._limit:
            return
        self._limit = limit
        self._signs = self._signs[bisect_left(self._signs, limit) :]
        self.weather = [event for event in self.weather if event.known_at >= limit]
        kept = {
            flight: [event for event in events if event.known_at >= limit]
            for flight, events in self.flights.items()
        }
        self.flights = {flight: events for flight, events in kept.items() if events}
        self.by_tail = {}
        for events in self.flights.values():
            for event in events:
                self._index(event)

    def _index(self, event: KnownEvent) -> None:
        if event.tail is not None:
            # Another set, since others may be reading this one.
            self.by_tail[event.tail] = {*self.by_tail.get(event.tail, ()), event.flight}


class Board:
    """The boards of all airports."""

    def __init__(self) -> None:
        self.airports: dict[str, AirportBoard] = {}
        # How many events were new so far: another number is another board.
        self.version = 0
        # Called with the events of a batch that were new, once they are on the board.
        self.follower: Callable[[list[KnownEvent]], object] = _nobody

    def apply(self, events: Iterable[KnownEvent]) -> int:
        """Take events, and count those that were new."""
        new = [
            event for event in events if self.airports.setdefault(event.airport, AirportBoard()).apply(event)
        ]
        if new:
            self.follower(new)
            self.version += len(new)
        return len(new)

    def events_of(self, flight: FlightKey) -> list[KnownEvent]:
        """Give what is known of a flight, in the order in which it counts."""
        airport = self.airports.get(flight.origin)
        return [] if airport is None else airport.flights.get(flight, [])

    def state(self, flight: FlightKey, moment: datetime) -> FlightState | None:
        """Say what is known of a flight at a moment in UTC; None where nothing is."""
        return state_of(self.events_of(flight), moment)

    def flown_by(self, tail: str) -> Iterator[FlightKey]:
        """Give the flights that an aircraft was ever assigned to, wherever they leave."""
        for board in list(self.airports.values()):
            yield from board.by_tail.get(tail, ())

    def departures(self, airport: str) -> Iterator[tuple[FlightKey, list[KnownEvent]]]:
        """Give the flights that leave an airport, each with its events in the order in which they count."""
        board = self.airports.get(airport)
        if board is not None:
            yield from list(board.flights.items())

    def knows_since(self, airport: str, moment: datetime) -> bool:
        """Tell whether news of flights that leave an airport came before a moment, too."""
        board = self.airports.get(airport)
        return board is not None and board.knows_since(moment)

    def data_age(self, airport: str, moment: datetime) -> timedelta | None:
        """Give how long ago the newest news of a flight that leaves an airport was known; None where there is none."""
        board = self.airports.get(airport)
        newest = None if board is None else board.last_sign_of_life(moment)
        return None if newest is None else moment - newest


def state_of(events: list[KnownEvent], moment: datetime) -> FlightState | None:
    """Say what events in their order tell of a flight at a moment; None where nothing was known yet."""
    known = events[: bisect_right(events, moment, key=lambda event: event.known_at)]
    if not known:
        return None
    newest = {event.kind: event for event in known}
    outcome = next((event for event in reversed(known) if event.kind in OUTCOMES), None)
    happened: Status = "scheduled" if outcome is None else outcome.kind  # type: ignore[assignment]
    # A flight that has landed still left when it did.
    left = None if happened == "cancelled" else newest.get("left")
    arrived = None if happened == "cancelled" else newest.get("arrived")
    expected, tail = newest.get("expected"), newest.get("tail")
    return FlightState(
        "arrived" if arrived is not None else happened,
        known[0].departs or known[0].at,
        next((event.destination for event in reversed(known) if event.destination), ""),
        known[-1].known_at,
        next((event.scheduled_arrival for event in reversed(known) if event.scheduled_arrival), None),
        None if left is None else left.at,
        None if arrived is None else arrived.at,
        newest["cancelled"].at if happened == "cancelled" else None,
        None if expected is None else expected.expected_departure,
        len({event.expected_departure for event in known if event.kind == "expected"}),
        None if tail is None else tail.tail,
        None if left is None else left.known_at,
        None if arrived is None else arrived.known_at,
        newest["cancelled"].known_at if happened == "cancelled" else None,
    )


def _nobody(_: list[KnownEvent]) -> None:
    """Follow nothing."""


def _order(event: KnownEvent) -> tuple[datetime, int, datetime, str]:
    return event.known_at, RANKS[event.kind], event.at, event.content_key


def _whole_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
