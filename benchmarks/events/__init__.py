"""How the service bears the day as it unfolds: events in, the board out, and predictions beside them.

`benchmarks/results_events.json` keeps every round, and is written after every part.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.events import board, intake, starting
from benchmarks.events.effort import FULL, EventEffort
from benchmarks.events.service import EventBench

RESULTS = Path("benchmarks/results_events.json")


def events(folder: Path, registry: str, version: str, effort: EventEffort = FULL) -> Iterator[str]:
    """Measure it all and give a line for each promise; a part that fails ends no other."""
    results: dict[str, Any] = {"failed": {}}
    path = RESULTS if effort == FULL else folder / RESULTS.name
    with ExitStack() as stack:
        bench = EventBench(stack, folder, registry, version)
        for name, part in _PARTS.items():
            try:
                yield from part(bench, effort, results)
            except Exception as error:
                # Whatever it was, the other parts' figures are worth having.
                results["failed"][name] = f"{type(error).__name__}: {error}"
                yield f"FAILED {name}: {type(error).__name__}: {error}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


_PARTS = {
    "batches": intake.batches,
    "in memory": intake.in_memory,
    "beside": intake.beside,
    "board": board.predicted_again,
    "week": board.simulated_week,
    "start": starting.long_journal,
}
