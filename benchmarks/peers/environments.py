"""One environment for each peer, made once from its locked requirements."""

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE.parents[1] / "build" / "peers"


class NotInstalled(RuntimeError):
    """An environment that could not be made."""


def python_of(name: str) -> Path:
    """Give the python of a peer's own environment, making it first when it is absent or of another lock.

    Raises NotInstalled when that fails; whoever comes second waits for the first.
    """
    lock = HERE / "requirements" / f"{name}.txt"
    if not lock.is_file():
        raise NotInstalled(f"peer {name!r} has no {lock}; known: {', '.join(known())}")
    folder = BUILT / name
    python, stamp, wanted = folder / "bin" / "python", folder / "installed", _digest(lock)
    with _turn(name):
        if not stamp.is_file() or stamp.read_text() != wanted:
            _install(name, lock, folder)
            # Written last: an environment without it was left half made.
            stamp.write_text(wanted)
    return python


def known() -> list[str]:
    """Name the peers that have locked requirements."""
    return sorted(path.stem for path in (HERE / "requirements").glob("*.txt"))


def _digest(lock: Path) -> str:
    """Tell locks, and the Pythons that they were installed for, apart."""
    return hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()


@contextmanager
def _turn(name: str) -> Iterator[None]:
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{name}.turn").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(name: str, lock: Path, folder: Path) -> None:
    print(f"Installing {name} into {folder} (minutes the first time)", file=sys.stderr, flush=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    log = BUILT / f"{name}.log"
    with log.open("w") as output:
        for argv in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(lock)],
        ):
            ended = subprocess.run(argv, stdout=output, stderr=subprocess.STDOUT, check=False)
            if ended.returncode:
                raise NotInstalled(
                    f"{name}: its environment could not be made; {argv[2]} ended with {ended.returncode}, "
                    f"and {log} says why. Once the package index answers, run this again."
                )
