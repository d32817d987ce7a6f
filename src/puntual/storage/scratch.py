"""Arrays of training, made in chunks of rows: in memory while they are small, else in a file that memory maps.

The file has no name, so that the system takes it back when nobody reads the matrix any more, or the process is killed.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from puntual.errors import StorageError

_Matrix = NDArray[np.float32]
# Rows whose vectors are made, or copied, at once.
CHUNK = 1 << 16
# A matrix of more bytes is mapped. Pages of files the system can write out when it wants their memory.
MOST_IN_MEMORY = 1 << 26
# Arrays that stay for the whole of a training are mapped from here on.
MOST_HELD = 1 << 20
_Numbers = TypeVar("_Numbers", bound=NDArray[Any])
# Fewer rows than this are done before another thread has woken up.
SHARE = 8_192
# Shares for each thread, so that none waits long for the last.
_PER_THREAD = 4


def fill(rows: int, columns: int, make: Callable[[slice], _Matrix]) -> _Matrix:
    """Fill a matrix of so many rows and columns, chunk by chunk, by what makes the rows of a slice.

    Raise StorageError where a file would be needed and there is no room for it.
    """
    if rows <= CHUNK:
        return make(slice(0, rows))
    matrix = empty(rows, columns)
    for part in chunks(rows):
        matrix[part] = make(part)
    return matrix


def take(matrix: _Matrix, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> _Matrix:
    """Copy some rows and columns of a matrix, row after row."""
    return fill(len(rows), len(columns), lambda part: matrix[np.ix_(rows[part], columns)])


def stack(matrices: Sequence[_Matrix]) -> _Matrix:
    """Put matrices of the same columns below one another."""
    stacked = empty(sum(map(len, matrices)), matrices[0].shape[1])
    start = 0
    for matrix in matrices:
        stacked[start : start + len(matrix)] = matrix
        start += len(matrix)
    return stacked


def chunks(rows: int, size: int = CHUNK) -> Iterator[slice]:
    """Part so many rows."""
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def held(numbers: _Numbers, in_memory: int = MOST_HELD) -> _Numbers:
    """Give the same numbers, mapped if they take more than so many bytes, for whoever holds them for long."""
    if numbers.nbytes <= in_memory:
        return numbers
    kept = _mapped(numbers.shape, numbers.dtype)
    kept[...] = numbers
    return kept  # type: ignore[return-value]


def in_shares(rows: int, work: Callable[[slice], object], *, alone: bool = False) -> None:
    """Call `work` with slices that make up so many rows, in several threads where that pays, unless `alone`."""
    workers = 1 if alone or rows < 2 * SHARE else min(threads(), rows // SHARE)
    size = CHUNK if workers < 2 else min(max(SHARE, -(-rows // (_PER_THREAD * workers))), CHUNK)
    if workers < 2:
        for part in chunks(rows, size):
            work(part)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="puntual-rows") as pool:
        # What fails is raised as its turn comes.
        list(pool.map(work, chunks(rows, size)))


def threads() -> int:
    """Count the cores that this process may use, of which OMP_NUM_THREADS may leave it fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(allowed)) if allowed.isdigit() and int(allowed) else cores


def empty(rows: int, columns: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Give a matrix to be filled, in memory or mapped."""
    if rows * columns * np.dtype(dtype).itemsize <= MOST_IN_MEMORY:
        return np.empty((rows, columns), dtype)
    return _mapped((rows, columns), dtype)


def empty_line(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Give so many numbers to be filled and held for long, mapped unless they are few."""
    if length * np.dtype(dtype).itemsize <= MOST_HELD:
        return np.empty(length, dtype)
    return _mapped((length,), dtype)


def _mapped(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        with tempfile.TemporaryFile() as file:
            _reserve(file.fileno(), size)
            # As a plain array: what is computed of it is no file.
            return np.memmap(file, dtype, "r+", shape=shape).view(np.ndarray)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(
            f"{tempfile.gettempdir()}: {reason}; expected room for the vectors of {shape[0]:,} flights, "
            f"{size / 1e9:.1f} GB; make room there, name another folder by TMPDIR, or fit fewer --rows"
        ) from error


def _reserve(descriptor: int, size: int) -> None:
    """Take the room on the disk now: a disk that is full when a mapped page is written out kills the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    for start in range(0, size, 1 << 20):
        os.write(descriptor, bytes(min(1 << 20, size - start)))
