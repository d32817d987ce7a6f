"""Does independent pieces of work side by side, one to each core: fits, and sums over whole arrays.

A fit that is given several threads has them wait for each other at every node of a tree, and they spin while they wait.
Several fits of one thread each do not, and give the same bits.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread, local
from typing import Generic, TypeVar

from sklearn.exceptions import ConvergenceWarning

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_worker = local()


def side_by_side(
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    begin: Callable[[Piece], object] = lambda _: None,
) -> list[Result]:
    """Do pieces of work, and give their results in the order of the pieces; the longest is best put first.

    `begin` is called with each piece as its work begins, in order. Within a piece further ones are done one after
    another, as the other cores are busy already. What fails first is raised, when the work that goes on has ended.
    """
    agenda = _Agenda(work, list(pieces), begin)
    workers = min(len(agenda.pieces), cores())
    if workers < 2 or is_beside_others():
        agenda.work_off()
    else:
        with unfinished_fits_allowed():
            # They end with the process, where somebody interrupts it.
            threads = [Thread(target=agenda.work_beside_others, daemon=True) for _ in range(workers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    if agenda.failure:
        raise agenda.failure
    return [agenda.results[place] for place in range(len(agenda.pieces))]


def cores() -> int:
    """Count the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_cores() -> int:
    """Count the cores that a piece of work has to itself: one beside others, else all."""
    return 1 if is_beside_others() else cores()


def is_beside_others() -> bool:
    """Whether this is work beside others, with one core to itself."""
    return getattr(_worker, "is_one", False)


@contextmanager
def unfinished_fits_allowed() -> Iterator[None]:
    """Let fits stop after their budget of iterations: stopping early is their regularisation."""
    if is_beside_others():
        # Filters are those of the whole process: they were set before the threads began.
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class _Agenda(Generic[Piece, Result]):
    """Pieces of work, handed out in order, and what came of them."""

    def __init__(
        self, work: Callable[[Piece], Result], pieces: list[Piece], begin: Callable[[Piece], object]
    ) -> None:
        self.pieces, self.results = pieces, dict[int, Result]()
        self.failure: BaseException | None = None
        self._work, self._begin = work, begin
        self._places, self._lock = iter(range(len(pieces))), Lock()

    def work_off(self) -> None:
        """Do piece after piece until none is left, or one has failed."""
        try:
            while self.failure is None and (place := self._next()) is not None:
                self.results[place] = self._work(self.pieces[place])
        except BaseException as error:
            self.failure = self.failure or error

    def work_beside_others(self) -> None:
        """Do the same in a thread beside others."""
        _worker.is_one = True
        self.work_off()

    def _next(self) -> int | None:
        with self._lock:
            place = next(self._places, None)
            if place is not None:
                self._begin(self.pieces[place])
            return place
