"""The journal's events: a batch is durable when it was appended, and what others appended is read from an id on."""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from puntual.operations.event import KnownEvent
from puntual.operations.journal_engine import JournalEngine
from puntual.operations.journal_schema import EVENTS

# Any number that nobody else locks in the same database: "events" as bytes.
_ADVISORY_LOCK = int.from_bytes(b"events")
_MOMENTS = tuple(
    KnownEvent._fields.index(name) for name in ("departs", "at", "known_at", "expected_departure")
)
_COLUMNS = [EVENTS.c[name] for name in KnownEvent._fields]
_AT_ONCE = 5_000


class NewEvents(NamedTuple):
    """Events of the journal, and the id up to which it was read."""

    events: list[KnownEvent]
    read_until: int


class EventDatabase(JournalEngine):
    """The table of events, appended to and read; every method raises what the driver raises."""

    synchronous = "FULL"

    def append(self, events: Sequence[KnownEvent], received: datetime, key_name: str) -> int:
        """Make a batch durable, all or none of it, and count the events that were not there yet."""
        engine = self.open()
        own = {"received": received.isoformat(timespec="milliseconds"), "key_name": key_name}
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                # One writer at a time, so that ids become visible in their order and no reader passes one by.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            new: int = connection.execute(
                _insertion(engine.dialect.name), [own | _written(event) for event in events]
            ).rowcount
        return new

    def newest_id(self) -> int:
        """Give the id of the event that was appended last; 0 where there is none."""
        with self.open().connect() as connection:
            return connection.scalar(sa.select(sa.func.max(EVENTS.c.id))) or 0

    def read_after(self, read_until: int) -> NewEvents:
        """Read the events appended after an id, some thousands at most."""
        wanted = sa.select(EVENTS.c.id, *_COLUMNS).where(EVENTS.c.id > read_until).order_by(EVENTS.c.id)
        with self.open().connect() as connection:
            rows = connection.execute(wanted.limit(_AT_ONCE)).all()
        return NewEvents([_event(row[1:]) for row in rows], rows[-1][0] if rows else read_until)

    def read_newest(self, kept: timedelta) -> Iterator[KnownEvent]:
        """Read of each airport the events that were known at most so long before its newest one."""
        with self.open().connect() as connection:
            for airport, newest in _newest_by_airport(connection):
                limit = _text(datetime.fromisoformat(newest) - kept)
                wanted = sa.select(*_COLUMNS).where(EVENTS.c.airport == airport, EVENTS.c.known_at >= limit)
                # The newest first, so that a board that is filled with them has nothing to forget.
                yield from map(_event, connection.execute(wanted.order_by(EVENTS.c.known_at.desc())))


@lru_cache(maxsize=4)
def _insertion(dialect: str) -> Any:
    """Write what inserts an event unless it is there already, in the words of one database."""
    # The words of the other are not loaded: those of PostgreSQL take 2 MB.
    insert = importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert
    return (
        insert(EVENTS)
        .on_conflict_do_nothing(index_elements=["content_key"])
        .execution_options(preserve_rowcount=True)
    )


def _newest_by_airport(connection: Connection) -> Iterable[tuple[str, str]]:
    """Find the newest event of each airport, step by step through the index rather than through all rows."""
    newest: list[tuple[str, str]] = []
    airport: str | None = ""
    while airport is not None:
        after = sa.select(sa.func.min(EVENTS.c.airport)).where(EVENTS.c.airport > airport)
        airport = connection.scalar(after)
        if airport is not None:
            latest = sa.select(sa.func.max(EVENTS.c.known_at)).where(EVENTS.c.airport == airport)
            newest.append((airport, connection.scalar(latest) or ""))
    return newest


def _written(event: KnownEvent) -> dict[str, Any]:
    fields = event._asdict()
    return fields | {name: _text(value) for name, value in fields.items() if isinstance(value, datetime)}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _event(row: Sequence[Any]) -> KnownEvent:
    values = list(row)
    for place in _MOMENTS:
        if values[place] is not None:
            values[place] = datetime.fromisoformat(values[place])
    return KnownEvent(*values)
