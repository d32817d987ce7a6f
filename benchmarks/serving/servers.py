"""The servers that are compared, all on one processor, and the requests that each is sent from the other."""

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.peers import PEERS, Peer, command, with_history
from benchmarks.peers.environments import serving_python
from puntual.prediction.predictor import Predictor
from puntual.registry import Registry
from puntual.stress.flights import FlightPool, latest_flights
from puntual.stress.generators import WRK, Order, generate
from puntual.stress.material import REQUESTS, Material, flights_never_asked, vectors_of, write_material
from puntual.stress.results import Load
from puntual.stress.rivals import RIVALS, Rival
from puntual.stress.servers import Running, free_port, started
from puntual.stress.trial import REPEATED, Trial, serve_command

CONNECTIONS, FEW_CONNECTIONS = 128, 32
SERVER_CPU, LOAD_CPU = 0, 1
OURS, NATIVE = "puntual", "native_alone"
# An installation and an image hold compiled modules; in a checkout they would be compiled again at each start.
AS_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}
# So many flights are written down at once for a service that is asked about each one time.
_BLOCK = 100_000


@dataclass(frozen=True)
class ServerUnderLoad:
    """A server that runs, and the folder of requests that it is sent."""

    running: Running
    path: str
    folder: Path

    def load(self, seconds: int, connections: int = CONNECTIONS, **more: Any) -> Load:
        """Put it under load from the other processor."""
        url = f"{self.running.url}{self.path}"
        return generate(WRK, self.folder, Order(url, connections, seconds, cpu=LOAD_CPU, **more))


@dataclass
class NeverAsked:
    """A server that is asked about each flight of a pool one time, load after load."""

    server: ServerUnderLoad
    predictor: Predictor
    pool: FlightPool
    taken: int = 0
    came_round: int = 0
    _left: int = 0
    _first: int = 0
    _fastest: float = 10_000.0

    def load(self, seconds: int, connections: int = CONNECTIONS, responses: int | None = None) -> Load:
        """Put it under load, asking on from where the last load ended."""
        needed = (responses or math.ceil(self._fastest * seconds)) + 2 * connections
        if self._left < needed:
            self._write(max(needed, _BLOCK))
        load = self.server.load(seconds, connections, first=self._first, responses=responses)
        self._use(load, connections)
        self._fastest = max(self._fastest, 1.5 * load.per_second)
        return load

    def _write(self, count: int) -> None:
        """Write down the next flights of the pool, with their answers."""
        flights_never_asked(self.predictor, self.pool, self.taken, count, self.server.folder)
        self.taken, self._first, self._left = self.taken + count, 0, count

    def take(self, count: int) -> pl.DataFrame:
        """Take the next flights of the pool out of it, to be asked about by other means."""
        self.taken += count
        return self.pool.take(self.taken - count, count)

    def _use(self, load: Load, connections: int) -> None:
        # What was under way when the load ended was sent too.
        used = load.answered + 2 * connections
        self._first, self._left = self._first + used, self._left - used
        self.came_round += load.came_round


@dataclass
class Bench:
    """All that is measured together: the model, its flights, and the servers once they run, by name."""

    stack: ExitStack
    folder: Path
    registry: str
    version: str
    predictor: Predictor
    flights: pl.DataFrame
    pool: FlightPool
    rival_flights: int
    servers: dict[str, ServerUnderLoad] = field(default_factory=dict)

    @property
    def ours(self) -> ServerUnderLoad:
        """The service, with the requests that are repeated."""
        return self.servers[OURS]

    @cached_property
    def never_asked(self) -> NeverAsked:
        """The service, with requests about flights that it was never asked about."""
        server = ServerUnderLoad(self.ours.running, self.ours.path, self._place("never_asked"))
        return NeverAsked(server, self.predictor, self.pool)

    def start_all(self, failed: dict[str, str]) -> Iterator[str]:
        """Start every server, and say which did not start, and why; without ours there is nothing to measure."""
        latest = latest_flights(self.predictor, self.flights, REPEATED)
        repeated = write_material(self.predictor, latest, self._place("requests"), repeated=True)
        self._start_ours(OURS, repeated)
        self._start_ours(NATIVE, repeated, "benchmarks.native_alone")
        for one in (*RIVALS, *PEERS):
            start = self._start_rival if isinstance(one, Rival) else self._start_peer
            try:
                start(one, repeated)  # type: ignore[arg-type]
            except Exception as error:
                # Another's server, whose failure may be of any kind.
                failed[one.name] = f"{type(error).__name__}: {error}"
                yield f"FAILED {one.name} did not start: {error}"
        yield f"       {', '.join(self.servers)} are ready"

    def serve(self, place: Path, port: int, module: str = "puntual") -> list[str]:
        """Give the command that serves with what serving needs and no more, as an image does."""
        trial = Trial(registry=self.registry, bundle=self.version)
        _, _, _, *words = serve_command(trial, port, place / "state")
        return [str(serving_python()), "-m", module, *words]

    def _start_ours(self, name: str, material: Material, module: str = "puntual") -> None:
        place = self._place(name)
        for file in material.folder.iterdir():
            shutil.copy(file, place)
        words = partial(self.serve, module=module)
        self._start(name, words, "/predict", place, ready="/readyz", settings=AS_INSTALLED)

    def _start_rival(self, rival: Rival, _: Material) -> None:
        place = self._place(rival.name)
        # The last of the pool: its dictionary holds these, and it keeps nothing of what it was asked.
        count = self.rival_flights
        material = flights_never_asked(
            self.predictor, self.pool, len(self.pool) - count, count, self._place(f"{rival.name}-requests")
        )
        shutil.copy(material.folder / REQUESTS, place)
        rival.prepare(place, self.predictor, material, self.registry)
        self._start(rival.name, rival.command, "/predict", place)

    def _start_peer(self, peer: Peer, repeated: Material) -> None:
        place = self._place(peer.name)
        bundle = Registry(self.registry).read(self.version)
        # The peers serve one model: that of flights with history, asked about the columns that it reads.
        vectors = with_history(bundle, vectors_of(self.predictor, repeated))
        (place / "model.onnx").write_bytes(bundle.experts["history"])
        (place / REQUESTS).write_text("\n".join(map(peer.body, vectors)) + "\n")
        self._start(peer.name, lambda at, port: command(peer, at, port), peer.path, place)

    def _start(
        self, name: str, words: Callable[[Path, int], list[str]], path: str, place: Path, **more: Any
    ) -> None:
        port = free_port()
        running = self.stack.enter_context(
            started(words(place, port), port, place / "server.log", cpu=SERVER_CPU, **more)
        )
        self.servers[name] = ServerUnderLoad(running, path, place)

    def _place(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir(parents=True)
        return place
