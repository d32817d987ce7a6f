"""Which modules of ours a table's flights pass on their way to a bundle, by a trace of a training.

python -m benchmarks.training_trace [SOURCE [TABLE [MAP]]]

The flights of the table's first 120 days are read and trained with, as `puntual train` does it but with LightGBM the
only candidate and no report. What runs for them is noted on all threads and counted by room.
What reads a table depends on its source, and the keeping of files sees no flight, so neither is on the way that is
counted.
"""

import sys
import tempfile
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.request_trace import KINDS, Trace
from puntual.sources import read_flights
from puntual.training.train import Options, train

# The rooms where it is decided what is learnt and how good it is, and those that the flights pass besides.
DECIDING = frozenset({"evaluation", "training"})
WAY = DECIDING | {"features", "flights", "prediction", "registry", "reporting"}
_DAYS = timedelta(days=120)


def trace_training(source: str, data: str | None, map_file: Path | None, folder: Path) -> Trace:
    """Read a table and train with its first flights into a folder, and note what runs for it."""
    trace = Trace()
    threading.setprofile(trace)
    sys.setprofile(trace)
    try:
        trace.noting = True
        table = read_flights(source, data, map_file)
        until = table.flights["scheduled_departure"][0] + _DAYS
        options = Options(candidates="lightgbm:none", until=until)
        train(table, registry=str(folder), now=datetime.now(UTC), options=options)
        trace.noting = False
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return trace


def room_of(module: str) -> str:
    """Give the room of a module.

    >>> room_of("puntual.training.train")
    'training'
    """
    return module.split(".")[1]


def main(source: str = "nyc", data: str | None = None, map_file: str | None = None) -> None:
    """Print the modules, with the functions that ran, and count them."""
    with tempfile.TemporaryDirectory() as folder:
        trace = trace_training(source, data, None if map_file is None else Path(map_file), Path(folder))
    # A module that was only imported decided nothing.
    ran = {module: names for module, names in trace.functions.items() if names != ["<module>"]}
    for module, names in ran.items():
        print(f"{module:48} {', '.join(name for name in names if name != '<module>')}")
    rooms = Counter(map(room_of, ran))
    print(", ".join(f"{room} {count}" for room, count in sorted(rooms.items())))
    way = {module for module in ran if room_of(module) in WAY}
    deciding = sum(rooms[room] for room in DECIDING)
    print(
        f"{len(way)} modules on the way, {len(way & KINDS)} of them kinds of features, "
        f"and {deciding} that decide what is learnt and how good it is"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
