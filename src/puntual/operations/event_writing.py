"""An event of the journal as it would be sent."""

from datetime import datetime
from typing import Any

import msgspec

from puntual.operations.event import KnownEvent
from puntual.operations.event_contract import SentEvent


def as_sent(event: KnownEvent) -> SentEvent | None:
    """Write an event; None for one that would be refused, such as that of a flight without a number."""
    fields = _weather(event) if event.kind == "weather" else _flight(event)
    try:
        sent: SentEvent = msgspec.convert(fields | {"kind": event.kind}, SentEvent)
    except msgspec.ValidationError:
        return None
    is_sendable = event.observation != "{}" and event.airport != event.destination
    return sent if is_sendable else None


def _flight(event: KnownEvent) -> dict[str, Any]:
    fields = {
        "airline": event.airline,
        "flight_number": event.flight_number,
        "origin": event.airport,
        "scheduled_departure": event.scheduled_departure,
        "destination": event.destination or None,
        "scheduled_arrival": event.scheduled_arrival,
        "known_at": _text(event.known_at),
    }
    if event.kind in ("left", "arrived"):
        fields["at"] = _text(event.at)
    if event.tail is not None:
        fields["tail"] = event.tail
    if event.expected_departure is not None:
        fields["expected_departure"] = _text(event.expected_departure)
    return fields


def _weather(event: KnownEvent) -> dict[str, Any]:
    times = {"at": _text(event.at), "known_at": _text(event.known_at)}
    return {"airport": event.airport, **times, **msgspec.json.decode(event.observation or "{}")}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
