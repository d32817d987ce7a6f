"""Days at an airport as events tell of them, all in the past, so that any clock takes them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from benchmarks.events.service import Event

AIRPORTS, DESTINATIONS = ("EWR", "JFK", "LGA"), ("IAH", "BOS", "MIA", "ORD", "SFO")
FIRST_DAY = datetime(2014, 3, 10, 5)
_OPEN = timedelta(hours=18)


def flight(number: int, departs: datetime, airport: str) -> Event:
    """Name a flight of an airport."""
    return {
        "airline": ("UA", "B6", "AA", "DL")[number % 4],
        "flight_number": str(number % 9_000 + 1),
        "origin": airport,
        "destination": DESTINATIONS[number % len(DESTINATIONS)],
        "scheduled_departure": _text(departs),
    }


def day_of(day: int, flights: int) -> list[Event]:
    """Tell of a day at all airports, with so many flights at each: tails, revised times, departures and arrivals.

    The events stand in the order in which they were known.
    """
    events = []
    for place, airport in enumerate(AIRPORTS):
        for number in range(flights):
            departs = FIRST_DAY + timedelta(days=day) + number * _OPEN / flights
            departs = departs.replace(second=0, microsecond=0)
            events += _life(flight(number * 3 + place, departs, airport), departs, late=number % 5 == 0)
        events += [weather(airport, FIRST_DAY + timedelta(days=day, hours=hour), hour) for hour in range(18)]
    return sorted(events, key=lambda event: str(event["known_at"]))


def departures(first: datetime, a_minute: int) -> Iterator[Event]:
    """Tell of one departure after another, from a moment in UTC on, so many a minute; without end and none twice."""
    for number in count():
        departs = first + timedelta(minutes=number // a_minute)
        left, known = (departs + timedelta(minutes=minutes) for minutes in (5, 6))
        named = flight(number, departs, AIRPORTS[number % len(AIRPORTS)])
        yield {
            "kind": "left",
            **named,
            "flight_number": str(number + 1),
            "scheduled_departure": f"{_text(departs)}+00:00",
            "at": f"{_text(left)}+00:00",
            "known_at": f"{_text(known)}+00:00",
        }


def of_this_hour() -> Iterator[Event]:
    """Tell of departures of the last hour, without end and none twice."""
    return departures(_before_now(timedelta(hours=1)), 10_000)


def of_months(events: int) -> Iterator[Event]:
    """Tell of departures at the pace of three airports, the last of which left yesterday."""
    a_minute = 3
    return departures(_before_now(timedelta(days=1, minutes=events / a_minute)), a_minute)


def weather(airport: str, at: datetime, hour: int) -> Event:
    """Tell of an hour's weather."""
    moment = _text(at)
    return {"kind": "weather", "airport": airport, "at": moment, "known_at": moment, "temperature": 40 + hour}


def _life(named: Event, departs: datetime, *, late: bool) -> list[Event]:
    left = departs + timedelta(minutes=35 if late else 2)
    arrived = left + timedelta(hours=2)
    events: list[dict[str, Any]] = [
        {
            "kind": "tail",
            "tail": f"N{named['flight_number']}",
            "known_at": _text(departs - timedelta(hours=3)),
        },
        {"kind": "left", "at": _text(left), "known_at": _text(left)},
        # With an offset, since the destination's clocks need not be the origin's.
        {"kind": "arrived", "at": f"{_text(arrived)}-04:00", "known_at": f"{_text(arrived)}-04:00"},
    ]
    if late:
        revised = {"expected_departure": _text(left), "known_at": _text(departs - timedelta(minutes=20))}
        events.append({"kind": "expected", **revised})
    return [{**named, **event} for event in events]


def _before_now(time: timedelta) -> datetime:
    return (datetime.now(UTC) - time).replace(tzinfo=None, second=0, microsecond=0)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")
