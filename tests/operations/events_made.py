"""Events of a morning at Newark, as they are sent."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from puntual.operations.event import KnownEvent
from puntual.operations.event_reading import RefusedEvent, read_events

NOW = datetime(2013, 10, 3, 16, tzinfo=UTC)
FLIGHT = {
    "airline": "UA",
    "flight_number": "1545",
    "origin": "EWR",
    "destination": "IAH",
    "scheduled_departure": "2013-10-03T05:15",
}


def sent(kind: str, known_at: str, **fields: Any) -> dict[str, Any]:
    """An event of the flight above; times are of that day, such as 05:18."""
    times = {
        name: f"2013-10-03T{fields.pop(name)}" for name in ("at", "expected_departure") if name in fields
    }
    return {"kind": kind, **FLIGHT, "known_at": f"2013-10-03T{known_at}", **times, **fields}


def event(kind: str, known_at: str, **fields: Any) -> KnownEvent:
    read = read_events([raw(sent(kind, known_at, **fields))], NOW)
    assert read.refused == []
    return read.events[0]


def numbered(number: int, known_at: str = "05:18") -> KnownEvent:
    return event("left", known_at, at="05:17", flight_number=str(number))


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def refusal(value: Any) -> RefusedEvent:
    """Why an event is refused, which it has to be."""
    read = read_events([raw(value)], NOW)
    assert read.events == []
    return read.refused[0]
