"""The README is followed on a clean copy: each command that it shows is run, in its order.

The tables are small ones made here, and where the README has all candidates compared one is enough: what it says of
the options that say so is held by the guide's own tests.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from deploy.image import build
from deploy.rehearsal import machine
from deploy.rehearsal.hardened import HardeningError
from puntual.registry import Registry
from puntual.storage import is_url
from test_docs import PLAIN, READMES, ROOT, command_lines, made_table, readme_map

# The sizes that keep the test short: options of the commands themselves, and the candidate that is fitted soonest. The
# demo compares all, and backtests.
ONE_CANDIDATE = ("--candidates", "logistic:none", "--no-backtest", "--no-live")
SMALL_LOAD = "--requests 200 --seconds 60 --connections 4 --no-compare --flights tomorrow.csv"
TARGETS = ("created", "train-installed", "stress-installed", "image-installed", "rehearse-installed")
HEADER = (
    "Fecha-I,Vlo-I,Ori-I,Des-I,Emp-I,Fecha-O,Vlo-O,Ori-O,Des-O,Emp-O,"
    "DIA,MES,AÑO,DIANOM,TIPOVUELO,OPERA,SIGLAORI,SIGLADES"
)


@dataclass
class Copy:
    """A clean copy of the project, what its commands see of the environment, and what they have left."""

    folder: Path
    environment: dict[str, str]
    version: str = ""
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, line: str, *more: str, **settings: str) -> str:
        """Run a command to its end, and give what it printed."""
        words = [word.replace("VERSION", self.version[:6]) for word in shlex.split(line)]
        ended = subprocess.run(
            [*words, *more],
            cwd=self.folder,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{line}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def train(self, line: str) -> None:
        """Train with one candidate, and remember the version that came into the registry."""
        words = shlex.split(line)
        registry = words[words.index("--registry") + 1] if "--registry" in words else "models"
        before = self.versions(registry)
        self.run(line, *ONE_CANDIDATE)
        (self.version,) = self.versions(registry) - before

    def versions(self, registry: str = "models") -> set[str]:
        if is_url(registry):
            return {listed.version for listed in Registry(registry).versions()}
        return {bundle.stem for bundle in (self.folder / registry).glob("*.puntual")}

    def serve(self, line: str) -> None:
        """Start a service in the background, in place of one that runs, and wait until it is ready."""
        self.stop()
        self.servers.append(
            subprocess.Popen(
                shlex.split(line),
                cwd=self.folder,
                env=self.environment,
                process_group=0,
                stdout=subprocess.DEVNULL,
            )
        )
        end = time.monotonic() + 60
        while not self._is_ready():
            assert self.servers[-1].poll() is None, f"{line}: the service ended"
            assert time.monotonic() < end, f"{line}: the service was not ready within a minute"
            time.sleep(0.1)

    def stop(self) -> None:
        while self.servers:
            server = self.servers.pop()
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=60)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.environment['PUNTUAL_PORT']}"

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://{self.address}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False


@pytest.fixture
def clean_copy(tmp_path: Path, bucket: str) -> Iterator[Copy]:
    folder = tmp_path / "puntual"
    for name in _committed_or_about_to_be():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    _environment_at_hand(folder)
    _tables(folder)
    # What `make test` was called with is not for the commands of the copy.
    of_this_run = {"PYTHONPATH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "ARGS", "PROCESSES"}
    kept = {name: value for name, value in os.environ.items() if name not in of_this_run}
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{kept['PATH']}"
    copy = Copy(folder, kept | {"PATH": path, "PUNTUAL_PORT": str(_free_port()), "BUCKET": bucket})
    yield copy
    copy.stop()


def test_every_command_of_the_readme_works_on_a_clean_copy(clean_copy: Copy, subtests: Any) -> None:
    for line in command_lines(READMES[0]):
        with subtests.test(line):
            follow(clean_copy, line.replace("s3://BUCKET", clean_copy.environment["BUCKET"]))
    predicted = pl.read_csv(clean_copy.folder / "predicted.csv")
    assert predicted["flight_number"].cast(pl.String).to_list() == [str(number) for number in range(100, 124)]


def follow(copy: Copy, line: str) -> None:
    """Do what a line says, in the way of the first beginning that it has."""
    for beginning, way in WAYS.items():
        if line.startswith(beginning):
            way(copy, line)
            return
    copy.run(line)


def _skip_the_tests(copy: Copy, line: str) -> None:
    pytest.skip(f"{copy.folder.name}: {line} is what runs this test")


def _build(copy: Copy, line: str) -> None:
    if not build.choose(build.works):
        pytest.skip("neither docker, podman nor buildah builds images here")
    copy.run(line)


def _rehearse(copy: Copy, line: str) -> None:
    try:
        machine.require_tools(stand_in=False)
    except HardeningError as missing:
        pytest.skip(str(missing))
    if os.environ.get("REHEARSE") != "1":
        pytest.skip("the workflow ci.yml rehearses; REHEARSE=1 does it here too")
    copy.run(line)


def _ask(copy: Copy, line: str) -> None:
    assert '"late_probability"' in copy.run(line.replace("127.0.0.1:8000", copy.address))
    copy.stop()


def _stress(copy: Copy, line: str) -> None:
    copy.run(line, ARGS=SMALL_LOAD)


def _promote(copy: Copy, line: str) -> None:
    assert f"promoted {copy.version}" in copy.run(line)


def _demo(copy: Copy, line: str) -> None:
    copy.run(line)
    assert len(copy.versions()) == 1


# The more particular beginning first.
WAYS: dict[str, Callable[[Copy, str], None]] = {
    "make demo": _demo,
    "make test": _skip_the_tests,
    "make serve": Copy.serve,
    "make stress": _stress,
    "make image": _build,
    "make rehearse": _rehearse,
    "curl": _ask,
    "puntual serve": Copy.serve,
    "puntual train": Copy.train,
    "python src/train.py": Copy.train,
    "puntual models promote": _promote,
}


def _committed_or_about_to_be() -> list[str]:
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a clean copy is made of a clone, by git")
    # Which model is deployed here is not part of a clean copy, where its bundle is not.
    return [name for name in names if name and name != "models/model_to_deploy" and (ROOT / name).is_file()]


def _environment_at_hand(folder: Path) -> None:
    """Lay out `.venv` as make leaves it, with the libraries of this interpreter and the copy's own source.

    A path in a .pth file is taken as it is: the editable install of the project among those libraries is not followed.
    """
    place = folder / ".venv"
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "at_hand.pth").write_text(f"{folder / 'src'}\n{sysconfig.get_path('purelib')}\n")
    program = place / "bin" / "puntual"
    program.write_text(f"#!{place / 'bin' / 'python'}\nfrom puntual.cli import main\nmain()\n")
    program.chmod(0o755)
    for target in TARGETS:
        (place / target).touch()


def _tables(folder: Path) -> None:
    """Lay out the tables that the README speaks of, and the map as printed there."""
    table = made_table()
    table.write_csv(folder / "flights.csv")
    table.tail(24).select(*PLAIN).rename(PLAIN).write_csv(folder / "tomorrow.csv")
    shutil.copy(folder / "tomorrow.csv", folder / "FLIGHTS.csv")
    (folder / "map.toml").write_text(readme_map(), encoding="utf-8")
    santiago = made_table(days=150, first=datetime(2017, 3, 15, 5))
    (folder / "data" / "dataset_SCL.csv").write_text(_as_santiago(santiago), encoding="utf-8")


def _as_santiago(table: pl.DataFrame) -> str:
    airlines = {"AA": "LAN", "B6": "SKU", "DL": "LAW", "UA": "JAT"}
    cities = {"BOS": "SCFA", "LAX": "SCTE", "MIA": "SCIE"}
    rows = [
        f"{row['std']}:00,{row['number']},SCEL,{cities[row['to']]},{airlines[row['carrier']]},"
        f"{row['atd']}:00,{row['number']},SCEL,{cities[row['to']]},{airlines[row['carrier']]},"
        "1,1,2017,Domingo,N,Grupo,Santiago,Norte"
        for row in table.iter_rows(named=True)
    ]
    return "\n".join([HEADER, *rows, ""])


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
