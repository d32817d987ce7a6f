"""How long a start takes where the journal is long."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from benchmarks.events.days import of_months
from benchmarks.events.effort import EventEffort
from benchmarks.events.service import EventBench, in_batches
from benchmarks.report import Promise
from puntual.operations.event_contract import Left
from puntual.operations.event_database import EventDatabase
from puntual.operations.event_reading import read_event

_BATCH = 20_000


def long_journal(bench: EventBench, effort: EventEffort, results: dict[str, Any]) -> Iterator[str]:
    """Start on a journal of events of some months, again and again."""
    place = bench.folder / "start"
    place.mkdir()
    database, now = EventDatabase(place / "journal.db"), datetime.now(UTC)
    wanted = islice(of_months(effort.journal_rows), effort.journal_rows)
    events = (
        read_event(Left(**{name: value for name, value in event.items() if name != "kind"}), now)
        for event in wanted
    )
    for batch in in_batches(events, _BATCH):
        database.append(batch, now, "bench")
    database.close()
    seconds = []
    for _ in range(effort.rounds):
        with bench.service("start") as running:
            seconds.append(running.ready_seconds)
    results["start"] = {"journal_rows": effort.journal_rows, "ready_seconds": seconds}
    yield Promise(
        f"ready with a journal of {effort.journal_rows:,} events", 3, at_least=False, unit="s"
    ).line(seconds)
