"""A cluster of workers: opened or made for one command, given tasks, and what may go wrong in it as one error."""

import asyncio
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from typing import Any, NamedTuple

from distributed import Client, KilledWorker, LocalCluster, as_completed, get_worker
from distributed.comm import CommClosedError, connect
from distributed.security import Security

from puntual.errors import ClusterError, PuntualError

Progress = Callable[[str, int, int], object]
_LOCAL = re.compile(r"local(?:\[(\d{1,3})\])?")
# A worker that leaves a heavy task alone for so long has gone; one that starts may take as long.
_PATIENCE_SECONDS = 30
_GOODBYE_SECONDS = 5
_LIBRARIES = ("distributed", "tornado", "asyncio")
_MEMORY_REMEDY = "give each worker more memory, or fewer threads"


class Task(NamedTuple):
    """A function of the package with its arguments, under a name that nobody else of its step has."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class WorkerView:
    """What a worker says of itself: the version that is installed there, and whether it sees the command's files."""

    version: str
    sees_files: bool


@dataclass(frozen=True)
class Cluster:
    """The workers that a command may use, and where a person can look at them."""

    client: Client
    address: str

    @property
    def dashboard(self) -> str:
        """The address of the page that shows what the workers do."""
        return str(self.client.dashboard_link)

    def run(self, step: str, tasks: Sequence[Task], progress: Progress | None = None) -> list[Any]:
        """Have workers carry out tasks, and give their results in order; one that dies has its tasks done again.

        An error of a task is raised as it is; ClusterError where the scheduler is gone, or a task kills its workers.
        """
        token = os.urandom(4).hex()
        futures = {
            self.client.submit(
                task.function, *task.arguments, key=f"{step}-{task.name}-{token}", pure=False
            ): place
            for place, task in enumerate(tasks)
        }
        results: list[Any] = [None] * len(tasks)
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                results[futures[future]] = self._result(future, step)
                if progress is not None:
                    progress(step, done, len(tasks))
        except BaseException:
            self._give_up(list(futures))
            raise
        return results

    def run_on_largest(self, step: str, task: Task, topic: str, progress: Progress | None = None) -> Any:
        """Have the worker with most memory carry out one task; pass on what it `tell`s of its steps under a topic."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        limits = {name: worker["memory_limit"] for name, worker in workers.items()}
        # Without a limit a worker may use all that its machine has.
        largest = max(limits, key=lambda name: (limits[name] is None, limits[name] or 0, name))
        if progress is not None:
            self.client.subscribe_topic(topic, lambda event: progress(*event[1]))
        # A worker that has died has no successor of its address.
        where = {"workers": [largest], "allow_other_workers": True}
        key = f"{step}-{task.name}-{os.urandom(4).hex()}"
        return self._result(
            self.client.submit(task.function, *task.arguments, key=key, pure=False, **where), step
        )

    def require(self, look: Callable[[], bool], what: str) -> None:
        """Refuse workers of another version, and those that do not `look` upon what all have to see."""
        try:
            workers: dict[str, WorkerView] = self.client.run(_describe, look)
        except Exception as error:
            raise self._failure(error, "looking at the workers") from error
        ours = metadata.version("puntual")
        for name, worker in workers.items():
            if worker.version != ours:
                raise ClusterError(
                    f"worker {name} has puntual {worker.version}, and this is {ours}; expected the same on all "
                    "machines; start the workers from the same image"
                )
            if not worker.sees_files:
                raise ClusterError(
                    f"worker {name} does not see {what}; expected a place that all machines share; name a shared "
                    "folder or an s3:// URL with --scratch"
                )

    def _result(self, future: Any, step: str) -> Any:
        try:
            return future.result()
        except PuntualError:
            raise
        except Exception as error:
            raise self._failure(error, step) from error

    def _failure(self, error: Exception, step: str) -> ClusterError:
        if isinstance(error, KilledWorker):
            return ClusterError(
                f"{step}: the task {error.task} was begun {error.allowed_failures + 1} times, and each time its worker "
                f"died, last {error.last_worker.address}; expected it to fit into a worker's memory; {_MEMORY_REMEDY}"
            )
        if isinstance(error, MemoryError):
            return ClusterError(f"{step}: a worker's memory is full; {_MEMORY_REMEDY}")
        lost = isinstance(error, CancelledError | OSError) and not self._is_there()
        if lost or isinstance(error, CommClosedError):
            return ClusterError(
                f"{self.address}: the scheduler is gone; expected it until the command ends; start it and repeat the "
                "command, which goes on where it was"
            )
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        return ClusterError(
            f"{step}: a worker failed ({reason[:500]}); look at the worker's log, and repeat the command"
        )

    def _is_there(self) -> bool:
        return bool(self.client.status == "running")

    def _give_up(self, futures: list[Any]) -> None:
        if self._is_there():
            self.client.cancel(futures, force=True)


@contextmanager
def open_cluster(address: str) -> Iterator[Cluster]:
    """Connect to a scheduler, or start `local[N]`: N worker processes of this machine with one thread each.

    How the connection is secured is Dask's own configuration. Raise ClusterError where nobody answers, or where no
    worker comes.
    """
    _say_nothing_twice()
    local = _LOCAL.fullmatch(address)
    started = _start(max(1, int(local[1] or os.cpu_count() or 1))) if local else None
    try:
        client = _connected(address) if started is None else Client(started)
        try:
            yield Cluster(client, address)
        finally:
            _close(client)
    finally:
        if started is not None:
            _close(started)


def _say_nothing_twice() -> None:
    """Keep the libraries from telling, in tracebacks, what this package says in one error."""
    for name in logging.root.manager.loggerDict:
        if name.partition(".")[0] in _LIBRARIES:
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _start(workers: int) -> LocalCluster:
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        silence_logs=logging.CRITICAL,
        dashboard_address="127.0.0.1:0",
        # Each worker is one of N on the same cores.
        env={"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def _close(opened: Client | LocalCluster) -> None:
    """Say good-bye; by now the command has its result, or its error, and a machine that is busy changes neither."""
    with suppress(Exception):
        opened.close(timeout=_GOODBYE_SECONDS)


def _connected(address: str) -> Client:
    _require_certificates(address)
    try:
        # In a thread, as whoever calls may have a loop of its own that runs, such as a notebook.
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, _knock(address)).result()
        client = Client(address, timeout=_PATIENCE_SECONDS)
    except (OSError, ValueError, ImportError, TypeError) as error:
        raise ClusterError(
            f"{address}: no scheduler answers there ({_first_line(error)}); expected such as tcp://scheduler:8786, or "
            "local[4] for workers of this machine; check the address, and Dask's configuration where TLS is wanted"
        ) from error
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_SECONDS)
    except Exception as error:
        _close(client)
        raise ClusterError(
            f"{address}: the scheduler has no workers; expected at least one within {_PATIENCE_SECONDS} seconds; "
            f"start some with: dask worker {address}"
        ) from error
    return client


async def _knock(address: str) -> None:
    """See whether anybody answers; raise what a client would.

    A client that failed stays half-made, and collected while another starts, the two wait for each other without end.
    """
    answering = await connect(address, timeout=_PATIENCE_SECONDS, **Security().get_connection_args("client"))
    await answering.close()


def _require_certificates(address: str) -> None:
    """Refuse to begin what would only fail in the midst of it: TLS without certificates, or with broken ones."""
    try:
        security = Security()
        if not address.startswith("tls://") or security.get_connection_args("client")["ssl_context"]:
            return
        reason = "none are named"
    except (OSError, ValueError) as error:
        reason = _first_line(error)
    raise ClusterError(
        f"{address}: it wants certificates, and {reason}; expected PEM files of an authority, a certificate and its "
        "key; name them by DASK_DISTRIBUTED__COMM__TLS__CA_FILE, and by …__CLIENT__CERT and …__CLIENT__KEY"
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def disk_near() -> str | None:
    """Name a folder of this machine for what is too large for memory: the worker's own, or anywhere."""
    try:
        return str(get_worker().local_directory)
    except ValueError:
        return None


def tell(topic: str, step: str, done: int, total: int) -> None:
    """Tell, on a worker, whoever hears a topic of a step that begins; elsewhere nobody hears."""
    try:
        worker = get_worker()
    except ValueError:
        return
    worker.log_event(topic, (step, done, total))


def _describe(look: Callable[[], bool]) -> WorkerView:
    """Say on a worker what is installed there, and whether it sees the command's files."""
    return WorkerView(metadata.version("puntual"), look())
