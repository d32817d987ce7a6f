"""Past operations as the events that would have told of them, known late rather than early."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from puntual.operations.event import KnownEvent, with_content_key
from puntual.operations.event_contract import LONGEST_CODE, LONGEST_PLACE, MOST_EVENTS
from puntual.operations.event_feed import EventFeed
from puntual.sources.times import LocalTime, local_time

if TYPE_CHECKING:
    import polars as pl

# A table does not say when somebody knew of it: of a departure some minutes after it, and of a cancellation hours
# after the schedule, although airlines mostly give word before.
KNOWN_AFTER = timedelta(minutes=5)
CANCELLATION_KNOWN_AFTER = timedelta(hours=3)


class Imported(NamedTuple):
    """How many events are new and how many were there already, and how many flights tell of none."""

    applied: int
    unchanged: int
    silent: int


def import_events(
    flights: "pl.DataFrame", feed: EventFeed, now: datetime, on_progress: Callable[[int], object]
) -> Imported:
    """Append the events of flights with `schema.SCHEMA` to the journal, batch by batch; it may be repeated.

    Raises EventsUnavailableError where the journal does not take them; what was appended before stays.
    """
    applied = known = 0
    events = _events(flights)
    while batch := list(islice(events, MOST_EVENTS)):
        applied += feed.append(batch, now, "import")
        known += len(batch)
        on_progress(known)
    return Imported(applied, known - applied, flights.height - known)


def _events(flights: "pl.DataFrame") -> Iterator[KnownEvent]:
    for flight in flights.iter_rows(named=True):
        event = _event(flight)
        if event is not None:
            yield event


def _event(flight: dict[str, Any]) -> KnownEvent | None:
    """Tell what became of a flight; None where its table does not say, or its time never was."""
    departed, cancelled = flight["departed"], flight["cancelled"]
    departs = local_time(flight["scheduled_departure"], ZoneInfo(flight["time_zone"]))
    if departs is None or (departed is None and not cancelled) or not _fits(flight):
        return None
    if departed is None:
        moment = departs.instant + CANCELLATION_KNOWN_AFTER
        return _told(flight, departs, "cancelled", moment, moment)
    # By the delay, since the clocks may have changed between the two.
    left = departs.instant + (departed - flight["scheduled_departure"])
    return _told(flight, departs, "left", left, left + KNOWN_AFTER)


def _fits(flight: dict[str, Any]) -> bool:
    """Tell whether a flight is named in codes, as an event of it would have to be."""
    codes = (flight["airline"] or "", flight["flight_number"] or "")
    places = (flight["origin"], flight["destination"] or "")
    return max(map(len, codes)) <= LONGEST_CODE and max(map(len, places)) <= LONGEST_PLACE


def _told(
    flight: dict[str, Any], departs: LocalTime, kind: str, at: datetime, known_at: datetime
) -> KnownEvent:
    arrival = flight["scheduled_arrival"]
    return with_content_key(
        KnownEvent(
            "",
            kind,
            flight["origin"],
            flight["airline"] or "",
            flight["flight_number"] or "",
            departs.clock.isoformat(timespec="minutes"),
            flight["destination"] or "",
            departs.instant.astimezone(UTC),
            None if arrival is None else arrival.isoformat(timespec="minutes"),
            at,
            known_at,
            None,
            None,
            None,
        )
    )
