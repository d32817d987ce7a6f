"""A day at JFK as it stands now: flights that left, flights that should have, and flights to come."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flights_made import AIRLINES, DESTINATIONS

ZONE = ZoneInfo("America/New_York")
# Minutes from now; those of before now left, but for these.
OVERDUE, CANCELLED, EXPECTED, SHOWN = {-25, -15, -5}, {55}, {35: 80}, range(-175, 700, 10)


def scheduled(minutes: int, now: datetime) -> str:
    return _clock(now + timedelta(minutes=minutes))


def flight(minutes: int, now: datetime) -> dict[str, str]:
    """The flight that is due so many minutes from now, with a number, an airline and a destination of its own."""
    place = (minutes + 175) // 10
    return {
        "airline": list(AIRLINES)[place % 4],
        "flight_number": str(100 + place),
        "origin": "JFK",
        "destination": DESTINATIONS[place % 5],
        "scheduled_departure": scheduled(minutes, now),
    }


def timetable(now: datetime, shown: range = SHOWN) -> list[dict[str, str]]:
    return [flight(minutes, now) for minutes in shown]


def events(now: datetime) -> list[dict[str, Any]]:
    """What was known of those flights by a minute ago."""
    left = [_left(minutes, now) for minutes in SHOWN if minutes < 0 and minutes not in OVERDUE]
    cancelled = [
        {"kind": "cancelled", **flight(minutes, now), "known_at": scheduled(-40, now)}
        for minutes in CANCELLED
    ]
    expected = [
        {
            "kind": "expected",
            **flight(minutes, now),
            "expected_departure": scheduled(later, now),
            "known_at": scheduled(-20, now),
        }
        for minutes, later in EXPECTED.items()
    ]
    return [*left, *cancelled, *expected, *_aircraft(now)]


def _aircraft(now: datetime) -> list[dict[str, Any]]:
    """The aircraft of the flight that is overdue most and of one to come, and the legs that bring them."""
    events: list[dict[str, Any]] = []
    for minutes, tail, behind in ((-25, "N515JB", 70), (35, "N516JB", 0)):
        leg = {
            "airline": "DL",
            "flight_number": str(300 + minutes),
            "origin": "BOS",
            "destination": "JFK",
            "scheduled_departure": scheduled(minutes - 120, now),
            "scheduled_arrival": scheduled(minutes - 45, now),
        }
        known = {"known_at": scheduled(-45, now)}
        events += [
            {"kind": "tail", **flight(minutes, now), **known, "tail": tail},
            {"kind": "tail", **leg, **known, "tail": tail},
            {
                "kind": "left",
                **leg,
                "at": scheduled(minutes - 120 + behind, now),
                "known_at": scheduled(-40, now),
            },
        ]
    return events


def _left(minutes: int, now: datetime) -> dict[str, Any]:
    at = min(minutes + 3, -1)
    return {"kind": "left", **flight(minutes, now), "at": scheduled(at, now), "known_at": scheduled(at, now)}


def _clock(moment: datetime) -> str:
    return moment.astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="minutes")
