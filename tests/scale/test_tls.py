"""A scheduler and two workers that talk by TLS: a training through them, and clients that are no members."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dask
import pytest

from cluster_made import Processes, processes
from deploy.pipeline.certificates import make_certificates
from puntual.errors import ClusterError
from puntual.registry import Registry
from puntual.scale import cluster as module
from puntual.scale.cluster import open_cluster

TLS = "DASK_DISTRIBUTED__COMM__TLS__"
TRAIN = (
    "train",
    "--source",
    "table",
    "--candidates",
    "logistic:none",
    "--no-backtest",
    "--no-live",
    "--json",
)


@dataclass(frozen=True)
class Secured:
    """A cluster whose members know each other by certificates, and the settings that make a member."""

    cluster: Processes
    settings: Mapping[str, str]


def settings_of_a_member(folder: Path) -> dict[str, str]:
    """Make an authority with one certificate, and give what Dask is told of them."""
    made = make_certificates(datetime.now(UTC))
    for name in ("ca", "cert", "key"):
        (folder / f"{name}.pem").write_text(getattr(made, name))
    of_roles = {
        f"{TLS}{role}__{name}": str(folder / f"{name.lower()}.pem")
        for role in ("SCHEDULER", "WORKER", "CLIENT")
        for name in ("CERT", "KEY")
    }
    return of_roles | {
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
        f"{TLS}CA_FILE": str(folder / "ca.pem"),
        f"{TLS}MIN_VERSION": "1.3",
    }


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder: Path = tmp_path_factory.mktemp("tls")
    settings = settings_of_a_member(folder)
    with processes(folder, settings=settings) as started:
        yield Secured(started, settings)


def test_a_training_through_tls_publishes_and_prints_what_it_measured(
    secured: Secured, in_files: Path, elsewhere: Path
) -> None:
    table = ("--data", str(in_files / "flights"), "--map", str(in_files / "map.toml"))
    done = subprocess.run(
        [sys.executable, "-m", "puntual", *TRAIN, *table, "--cluster", secured.cluster.address],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env=secured.cluster.environment,
    )
    assert done.returncode == 0, done.stderr
    (listed,) = Registry(elsewhere / "models").versions()
    assert json.loads(done.stdout)["version"] == listed.version
    assert {path.name for path in elsewhere.iterdir()} == {"models", "reports"}


@pytest.mark.parametrize(
    ("protocol", "message"),
    [("tls", "expected PEM files of an authority"), ("tcp", "no scheduler answers there")],
)
def test_a_client_without_certificates_is_one_error(
    secured: Secured, protocol: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 3)
    address = secured.cluster.address.replace("tls", protocol)
    with pytest.raises(ClusterError, match=message) as raised, open_cluster(address):
        pass
    assert "TLS" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        # Of another run.
        ("cert", "no scheduler answers there"),
        ("key", "it wants certificates"),
        ("missing", "(?i)no such file"),
    ],
)
def test_a_client_with_the_wrong_certificates_is_one_error(
    secured: Secured,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    certificate: str,
    message: str,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 3)
    settings_of_a_member(tmp_path)
    files = {"ca-file": "ca", "client.cert": certificate, "client.key": "key"}
    named = {f"distributed.comm.tls.{name}": str(tmp_path / f"{file}.pem") for name, file in files.items()}
    with (
        dask.config.set(named),
        pytest.raises(ClusterError, match=message),
        open_cluster(secured.cluster.address),
    ):
        pass
