"""An event as the journal keeps it: airports by their one code, moments in UTC, and a key by its content."""

from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec

_DIGEST_BYTES = 16
_ENCODER = msgspec.json.Encoder()


class FlightKey(NamedTuple):
    """What a flight goes by: `scheduled_departure` is local to the origin, to the minute."""

    airline: str
    flight_number: str
    origin: str
    scheduled_departure: str


class KnownEvent(NamedTuple):
    """One piece of news; each field but `departs` and those of its kind is in every event.

    `airport` is the origin of the flight, or where the weather was observed; a weather event has neither flight nor
    `departs`, its scheduled departure in UTC. `destination` is empty where it is not known. `observation` is JSON.
    """

    content_key: str
    kind: str
    airport: str
    airline: str
    flight_number: str
    scheduled_departure: str
    destination: str
    departs: datetime | None
    scheduled_arrival: str | None
    at: datetime
    known_at: datetime
    expected_departure: datetime | None
    tail: str | None
    observation: str | None

    @property
    def flight(self) -> FlightKey:
        """The flight that it tells of."""
        return FlightKey(self.airline, self.flight_number, self.airport, self.scheduled_departure)


def with_content_key(event: KnownEvent) -> KnownEvent:
    """Give an event the key of its content, which is the same however and whenever it is sent."""
    content = _ENCODER.encode(event[1:])
    return event._replace(content_key=blake2b(content, digest_size=_DIGEST_BYTES).hexdigest())
