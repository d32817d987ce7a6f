"""Past tables into the journal, as the events that would have told of them."""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from puntual.operations.event_feed import EventFeed
from puntual.operations.table_events import TableEvents

# A commit waits for the disk, so that many events share one.
_AT_ONCE = 5_000


class Imported(NamedTuple):
    """How many events are new and how many were there already, and how many flights tell of none."""

    applied: int
    unchanged: int
    silent: int


def import_events(
    table: TableEvents, feed: EventFeed, now: datetime, on_progress: Callable[[int], object]
) -> Imported:
    """Append the events of a table to the journal, batch by batch; it may be repeated.

    Raises EventsUnavailableError where the journal does not take them; what was appended before stays.
    """
    applied = known = 0
    while batch := list(islice(table.events, _AT_ONCE)):
        applied += feed.append(batch, now, "import")
        known += len(batch)
        on_progress(known)
    return Imported(applied, known - applied, table.silent)
