"""What takes seconds to make and is the same for all: the first process of a run makes it, the others wait for it."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Have `make` fill a folder that all processes of a run share, and give it; nobody may write to it afterwards."""
    own = factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder: Path = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = own / f"{name}-unfinished"
            make(unfinished)
            unfinished.rename(folder)
    return folder
