"""One environment for each peer, made once from its locked requirements."""

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILT = ROOT / "build" / "peers"


class NotInstalledError(RuntimeError):
    """An environment that could not be made."""


def python_of(name: str) -> Path:
    """Give the python of a peer's own environment, making it first when it is absent or of another lock.

    Raises NotInstalledError when that fails; whoever comes second waits for the first.
    """
    lock = HERE / "requirements" / f"{name}.txt"
    if not lock.is_file():
        raise NotInstalledError(f"peer {name!r} has no {lock}; known: {', '.join(known())}")
    return make_environment(name, [lock], [["--require-hashes", "--only-binary", ":all:", "-r", str(lock)]])


def serving_python() -> Path:
    """Give the python of an environment with what Puntual's service needs and nothing else."""
    locks = [ROOT / "requirements" / f"{name}.txt" for name in ("build", "serve")]
    steps = [["--require-hashes", "--no-build-isolation", "-r", str(lock)] for lock in locks]
    return make_environment(
        "puntual", locks, [*steps, ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]]
    )


def make_environment(name: str, locks: list[Path], steps: list[list[str]]) -> Path:
    """Give the python of an environment that these steps of pip make, unless it was made from the same locks before."""
    folder = BUILT / name
    python, stamp, wanted = folder / "bin" / "python", folder / "installed", _digest(locks)
    with _turn(name):
        if not stamp.is_file() or stamp.read_text() != wanted:
            _install(name, steps, folder)
            # Written last: an environment without it was left half made.
            stamp.write_text(wanted)
    return python


def known() -> list[str]:
    """Name the peers that have locked requirements."""
    return sorted(path.stem for path in (HERE / "requirements").glob("*.txt"))


def _digest(locks: list[Path]) -> str:
    """Tell locks, and the Pythons that they were installed for, apart."""
    content = b"".join(lock.read_bytes() for lock in locks)
    return hashlib.sha256(sys.version.encode() + content).hexdigest()


@contextmanager
def _turn(name: str) -> Iterator[None]:
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{name}.turn").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(name: str, steps: list[list[str]], folder: Path) -> None:
    print(f"Installing {name} into {folder} (minutes the first time)", file=sys.stderr, flush=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    log = BUILT / f"{name}.log"
    with log.open("w") as output:
        for argv in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            *([*pip, *step] for step in steps),
        ):
            ended = subprocess.run(argv, stdout=output, stderr=subprocess.STDOUT, check=False)
            if ended.returncode:
                raise NotInstalledError(
                    f"{name}: its environment could not be made; {argv[2]} ended with {ended.returncode}, "
                    f"and {log} says why. Once the package index answers, run this again."
                )
