"""The aircraft of a flight on its way: the leg that it flies before, and the time that it then has on the ground."""

from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from puntual.operations.board import Board, FlightState, Status
from puntual.operations.event import FlightKey

_MINUTE = timedelta(minutes=1)
# An aircraft that came in longer ago was there overnight, and has nothing to wait for.
_LONGEST = timedelta(hours=24)


class Inbound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The leg that brings the aircraft of a flight; times are local to the airport where the two meet."""

    airline: str
    flight_number: str
    origin: str
    status: Status
    lands: Annotated[
        str,
        Meta(description="When it landed, or is due: as scheduled, and by as much later as it left late."),
    ]
    late_minutes: Annotated[int | None, Meta(description="After its scheduled arrival.")] = None
    buffer_minutes: Annotated[
        int, Meta(description="From there to the scheduled departure; below 0 it lands after it.")
    ]


def inbound_of(
    board: Board, flight: FlightKey, state: FlightState, zone: ZoneInfo, moment: datetime
) -> Inbound | None:
    """Find the leg that brings the aircraft of a flight, as known at a moment; None where that is not known."""
    if state.tail is None or state.left_at is not None or state.status == "cancelled":
        return None
    legs = [
        (other, before)
        for other in board.flown_by(state.tail)
        if (before := board.state(other, moment)) is not None
        and before.tail == state.tail
        and before.destination == flight.origin
        and before.status != "cancelled"
        and timedelta() < state.departs - before.departs < _LONGEST
    ]
    if not legs:
        return None
    leg, before = max(legs, key=lambda one: one[1].departs)
    return _shown(leg, before, state, zone)


def _shown(leg: FlightKey, before: FlightState, state: FlightState, zone: ZoneInfo) -> Inbound | None:
    due = None
    if before.scheduled_arrival is not None:
        due = datetime.fromisoformat(before.scheduled_arrival).replace(tzinfo=zone)
    # What left late lands late, unless it is known better; nobody lands early for having left early.
    behind = max(before.left_at - before.departs, timedelta()) if before.left_at else timedelta()
    lands = before.arrived_at or (None if due is None else due + behind)
    if lands is None:
        return None
    return Inbound(
        airline=leg.airline,
        flight_number=leg.flight_number,
        origin=leg.origin,
        status=before.status,
        lands=lands.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes"),
        late_minutes=None if due is None else (lands - due) // _MINUTE,
        buffer_minutes=(state.departs - lands) // _MINUTE,
    )
