"""Keeps a worker small and its answers even: what loading left behind is given back, what stays is left in peace."""

import ctypes
import gc
import sys


def settle() -> None:
    """Return freed memory to the system, and take what is loaded out of the garbage collector's rounds.

    A full round looks at every object of the loaded libraries and tables, which holds all requests up for tens of
    milliseconds.
    """
    gc.collect()
    gc.freeze()
    # Answers leave hardly any rings of references behind, so rings are looked for less often than by default.
    gc.set_threshold(20_000, 20, 20)
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
