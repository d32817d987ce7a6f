"""How the service compares: with a bare answer, itself without outside protocols, and other servers of its model.

All run side by side on one processor, the load on another, and each is asked in turn, there and back, so that what the
machine does otherwise meets them alike. `benchmarks/results.json` keeps every round, and is written after every part.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.serving import latency, memory, rounds, throughput
from benchmarks.serving.effort import FULL, Effort
from benchmarks.serving.servers import CONNECTIONS, Bench
from puntual.prediction.predictor import Predictor
from puntual.stress.flights import flights_for, pool_of
from puntual.stress.generators import HOW_TO_INSTALL, WRK
from puntual.stress.trial import REPEATED

RESULTS = Path("benchmarks/results.json")
# Enough for all parts together: none asks the same service about what another part has asked.
_POOL = 6_000_000


def serving(folder: Path, registry: str, version: str, effort: Effort = FULL) -> Iterator[str]:
    """Measure it all and give a line for each figure and each promise; a part or rival that fails ends no other."""
    if shutil.which(WRK) is None:
        raise SystemExit(f"the load is made by wrk, which is not here; {HOW_TO_INSTALL}")
    predictor = Predictor.load(registry, version)
    flights = flights_for(predictor, None)
    results: dict[str, Any] = {
        "connections": CONNECTIONS,
        "flights": REPEATED,
        "servers": {},
        "spread": {},
        "failed": {},
        "versions": {
            name: metadata.version(name) for name in ("onnxruntime", "uvicorn", "litestar", "fastapi")
        },
    }
    path = RESULTS if effort == FULL else folder / RESULTS.name
    with ExitStack() as stack:
        pool = pool_of(predictor, flights, _POOL)
        bench = Bench(stack, folder, registry, version, predictor, flights, pool, effort.rival_flights)
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
    "servers": lambda bench, _, results: bench.start_all(results["failed"]),
    "rounds": rounds.in_rounds,
    "protocols": rounds.protocols,
    "half load": latency.half_load,
    "one connection": latency.one_connection,
    "thousand": throughput.thousand,
    "soak": memory.soak,
    "ready": latency.ready,
    "bar": throughput.bar,
}
