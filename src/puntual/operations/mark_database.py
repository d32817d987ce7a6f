"""The journal's marks: one is durable when it was appended, and what others appended is read from an id on."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from puntual.operations.event import FlightKey
from puntual.operations.journal_engine import JournalEngine
from puntual.operations.journal_schema import MARKS
from puntual.operations.marks import Mark

# Any number that nobody else locks in the same database: "marks" as bytes.
_ADVISORY_LOCK = int.from_bytes(b"marks")
_AT_ONCE = 5_000
_COLUMNS = [MARKS.c[name] for name in ("received", "key_name", "kind", "note")]
_FLIGHT = [MARKS.c[name] for name in ("airline", "flight_number", "airport", "scheduled_departure")]


class NewMarks(NamedTuple):
    """Marks of the journal, and the id up to which it was read."""

    marks: list[Mark]
    read_until: int


class MarkDatabase(JournalEngine):
    """The table of marks, appended to and read; every method raises what the driver raises."""

    synchronous = "FULL"

    def append(self, mark: Mark) -> None:
        """Make a mark durable."""
        values = mark.flight._asdict()
        row = {
            "received": mark.received.isoformat(timespec="milliseconds"),
            "key_name": mark.key_name,
            "kind": mark.kind,
            "airport": values.pop("origin"),
            "note": mark.note,
        }
        engine = self.open()
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                # One writer at a time, so that ids become visible in their order and no reader passes one by.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            connection.execute(sa.insert(MARKS), row | values)

    def read_after(self, read_until: int, since: str) -> NewMarks:
        """Read marks appended after an id, some thousands at most, of flights scheduled at `since` or later."""
        wanted = (
            sa.select(MARKS.c.id, *_COLUMNS, *_FLIGHT)
            .where(MARKS.c.id > read_until, MARKS.c.scheduled_departure >= since)
            .order_by(MARKS.c.id)
            .limit(_AT_ONCE)
        )
        with self.open().connect() as connection:
            rows = connection.execute(wanted).all()
        return NewMarks([_mark(*row[1:]) for row in rows], rows[-1][0] if rows else read_until)


def _mark(received: str, key_name: str, kind: str, note: str, *flight: str) -> Mark:
    return Mark(datetime.fromisoformat(received), key_name, kind, FlightKey(*flight), note)  # type: ignore[arg-type]
