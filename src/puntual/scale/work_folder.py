"""What is finished of a command: tables and results by name, in a folder or bucket that all machines share."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import polars as pl

from puntual.errors import ClusterError, StorageError
from puntual.scale.cluster import Cluster, Progress, Task
from puntual.storage import Store, is_url, open_store
from puntual.storage.os_errors import translate_os_errors

_Result = TypeVar("_Result")
_SEEN = "seen-by-all"
_RESULTS = "results"
# Requests to a bucket that are on their way at the same time, no more than the connections that its client keeps.
_AT_ONCE = 10


@dataclass(frozen=True)
class WorkFolder:
    """The parts of one command under a URL, each written whole or not at all, whoever is killed meanwhile."""

    url: str

    @property
    def store(self) -> Store:
        """Where the files lie; opened once in each process, since a bucket's connection takes a while."""
        return _opened(self.url)

    def write(self, name: str, table: pl.DataFrame) -> None:
        """Write a table in place of the one that may be there."""
        content = BytesIO()
        table.write_parquet(content)
        self.write_bytes(name, content.getvalue())

    def write_each(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Write tables by their names."""
        self._each(lambda name: self.write(name, tables[name]), list(tables))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file; in a folder without waiting for the disk, as a machine that starts again begins anew."""
        if is_url(self.url):
            self.store.write(name, content)
            return
        path = Path(self.url) / name
        draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
        with translate_os_errors(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                draft.write_bytes(content)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)

    def read(self, name: str) -> pl.DataFrame:
        """Read a table that was written; raise StorageError where it is gone."""
        content = self.store.read(name)
        if content is None:
            raise StorageError(
                f"{self.store.where(name)}: it is gone; expected what a finished task wrote; remove {self.url}, and "
                "repeat the command"
            )
        return pl.read_parquet(BytesIO(content), hive_partitioning=False)

    def read_if_there(self, name: str) -> pl.DataFrame | None:
        """Read a table, or nothing where nobody wrote one."""
        return None if self.store.stamp(name) is None else self.read(name)

    def copy_out(self, name: str, place: Path) -> None:
        """Put a file at another place on this machine, without a copy where the disk is the same."""
        own = None if is_url(self.url) else Path(self.url) / name
        try:
            if own is not None:
                os.link(own, place)
                return
        except OSError:
            # Another disk, or one without links.
            pass
        with place.open("wb") as file:
            for content in self.store.pieces(name):
                file.write(content)

    def remove(self) -> None:
        """Remove everything, once it is of no use any more."""
        if not is_url(self.url):
            shutil.rmtree(self.url, ignore_errors=True)
            return
        self._each(self.store.remove, self.store.walk())

    def read_each(
        self, names: Sequence[str], keep: Callable[[pl.DataFrame], pl.DataFrame] = pl.DataFrame.clone
    ) -> list[pl.DataFrame]:
        """Read tables that were written, in order, and keep of each no more than is wanted."""
        return self._each(lambda name: keep(self.read(name)), names)

    def read_all(self, names: Sequence[str]) -> pl.DataFrame | None:
        """Read tables below one another; None for no names."""
        return pl.concat(self.read_each(names)) if names else None

    def names(self, folder: str) -> list[str]:
        """List the tables of a folder by the names that they are read by."""
        # What begins with a point is the draft of a worker that was killed.
        return [f"{folder}/{name}" for name in self.store.names(folder) or () if not name.startswith(".")]

    def run(
        self,
        cluster: Cluster,
        step: str,
        tasks: Sequence[Task],
        kind: type[_Result],
        progress: Progress | None = None,
    ) -> list[_Result]:
        """Have tasks carried out that are not finished yet, and give the results of all, in order.

        Each function is called with this folder before its arguments. A result, of a `kind` that msgspec knows, is kept
        once its task is finished, so that a command that is repeated goes on where it was.
        """
        waiting = [Task(task.name, _perform, (self, step, task)) for task in self._waiting(step, tasks)]
        cluster.run(step, waiting, progress)
        return self._each(lambda name: self._result(step, name, kind), [task.name for task in tasks])

    def run_on_largest(
        self,
        cluster: Cluster,
        step: str,
        task: Task,
        kind: type[_Result],
        topic: str,
        progress: Progress | None = None,
    ) -> _Result:
        """Have the worker with most memory carry out one task unless it is finished, and give its result.

        One that finished counts, though the news of it may have been lost with a worker or the scheduler.
        """
        if self._waiting(step, [task]):
            try:
                cluster.run_on_largest(step, Task(task.name, _perform, (self, step, task)), topic, progress)
            except ClusterError:
                if self._waiting(step, [task]):
                    raise
        return self._result(step, task.name, kind)

    def _waiting(self, step: str, tasks: Sequence[Task]) -> list[Task]:
        """Choose the tasks of which no result is kept yet."""
        finished = set(self.store.names(f"{_RESULTS}/{step}") or ())
        return [task for task in tasks if task.name not in finished]

    def _each(self, do: Callable[[str], _Result], names: Sequence[str]) -> list[_Result]:
        """Do the same with each file, in order; in a bucket several at once, since each waits for its answer."""
        if not is_url(self.url):
            return [do(name) for name in names]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(do, names))

    def _result(self, step: str, name: str, kind: type[_Result]) -> _Result:
        content = self.store.read(f"{_RESULTS}/{step}/{name}") or b""
        return msgspec.msgpack.decode(content, type=kind)

    @contextmanager
    def shared_by(self, cluster: Cluster) -> Iterator[None]:
        """Keep the folder for one command at a time, and remove it once the block has ended without an error."""
        self.require_shared(cluster)
        with self.store.locked():
            yield
            self.remove()

    def require_shared(self, cluster: Cluster) -> None:
        """Refuse a cluster of which some worker does not see this folder."""
        token = os.urandom(16)
        self.store.write(_SEEN, token)
        cluster.require(Look(self.url, token), self.url)
        self.store.remove(_SEEN)


@lru_cache(maxsize=8)
def _opened(url: str) -> Store:
    return open_store(url)


@dataclass(frozen=True)
class Look:
    """Looks, on whatever machine this is, for what another has just written under a URL."""

    url: str
    token: bytes

    def __call__(self) -> bool:
        """Tell whether it is there."""
        return open_store(self.url).read(_SEEN) == self.token


def _perform(folder: WorkFolder, step: str, task: Task) -> None:
    """Carry out a task on a worker, and keep its result."""
    result: Any = task.function(folder, *task.arguments)
    folder.write_bytes(f"{_RESULTS}/{step}/{task.name}", msgspec.msgpack.encode(result))


def work_beside(output: Path, scratch: str | None, key: str) -> WorkFolder:
    """Name the folder of a command's parts: in `scratch`, or hidden beside its output; `key` is that of its inputs."""
    root = str(output.absolute().parent) if scratch is None else scratch.rstrip("/")
    key = key if is_url(root) else key_of(key, _boot())
    return WorkFolder(f"{root}/.{output.name}.{key[:16]}.parts")


def _boot() -> str:
    """Tell one run of this machine's system from the next, as far as it says so."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return ""


def key_of(*inputs: Any) -> str:
    """Give the SHA-256 of what a command's parts depend on."""
    return hashlib.sha256(msgspec.json.encode(inputs, order="deterministic")).hexdigest()
