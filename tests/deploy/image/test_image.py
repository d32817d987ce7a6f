"""The image that `make image` built from these files, run as it is run in earnest."""

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.image import build
from deploy.rehearsal import hardened
from puntual.registry import Registry

ROOT = Path(__file__).parents[3]
FLIGHT = {
    "airline": "AA",
    "flight_number": "1",
    "origin": "JFK",
    "destination": "MIA",
    "scheduled_departure": "2023-04-20T10:30",
}
# What is installed, which of it builds or installs software, and whether all that serving may need can be loaded.
LOOK = """
import importlib, json, sys
from importlib.metadata import distributions
import botocore.session, uvloop
import cryptography.hazmat.primitives.asymmetric.ed25519, psycopg
import onnxruntime, sqlalchemy.dialects.postgresql.psycopg, sqlalchemy.dialects.sqlite
import puntual.api.server, puntual.cli
for service in ("s3", "sts", "sso", "sso-oidc"):
    botocore.session.get_session().create_client(service, region_name="us-east-1")
from puntual.cli import main
for command in main.commands:
    try:
        main([command, "--help"], standalone_mode=False)
    except SystemExit:
        pass
print(json.dumps({found.name.lower().replace("_", "-"): found.version for found in distributions()}))
"""


@pytest.fixture(scope="module")
def engine() -> str:
    hardened_engine = hardened.engine()
    if hardened_engine is None:
        pytest.skip("neither docker nor podman runs containers here")
    return hardened_engine


@pytest.fixture(scope="module")
def image(engine: str) -> str:
    name = f"puntual:{build.git_revision()}"
    if subprocess.run([engine, "image", "inspect", name], capture_output=True, check=False).returncode:
        pytest.skip(f"{engine} has no {name}; `make image` builds it")
    return name


@pytest.fixture
def registry(made_bundle, tmp_path) -> Path:
    deployed = Registry(tmp_path / "models")
    deployed.set_champion(deployed.publish(made_bundle), datetime(2026, 1, 2, tzinfo=UTC), previous=None)
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "models"


def test_it_serves_and_stops_under_a_read_only_root_without_capabilities_in_512_mb(image, engine, registry):
    request = json.dumps({"flights": [FLIGHT] * 20, "reasons": True}).encode()
    seen = hardened.rehearse(image, registry, request, engine)
    assert seen.in_flight == 8
    assert seen.peak_mb < 400
    assert set(seen.state) <= {
        ".journal.db.lock",
        "journal.db",
        "journal.db-shm",
        "journal.db-wal",
        "keys.json",
        "last_good.puntual",
        ".token-secret.lock",
        "token-secret",
    }


def test_several_workers_need_no_other_place_to_write_to(image, engine, registry):
    request = json.dumps({"flights": [FLIGHT]}).encode()
    assert hardened.rehearse(image, registry, request, engine, ("--env", "PUNTUAL_WORKERS=2")).in_flight == 8


def test_it_does_not_start_without_a_key(image, engine):
    words = [
        *hardened.ENGINES[engine],
        "run",
        "--rm",
        *hardened.HARDENED,
        *hardened.OWN[engine],
        "--network",
        "host",
    ]
    done = subprocess.run([*words, image], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there is no key to ask them for" in done.stderr


def test_it_holds_the_lock_no_more_and_no_less_and_all_of_it_loads(image, engine):
    words = [
        *hardened.ENGINES[engine],
        "run",
        "--rm",
        *hardened.HARDENED,
        *hardened.OWN[engine],
        "--network",
        "none",
    ]
    done = subprocess.run(
        [*words, "--entrypoint", "python", image, "-c", LOOK], capture_output=True, text=True, check=True
    )
    installed = json.loads(done.stdout.splitlines()[-1])
    lock = (ROOT / "requirements" / "image.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)(?! ; sys_platform == 'win32')", lock, re.MULTILINE))
    locked.pop("colorama")
    assert {name: number for name, number in installed.items() if name != "puntual"} == locked


def test_it_adds_nothing_to_its_base_image_but_its_own_folders(image, engine):
    if engine != "podman":
        pytest.skip("podman alone compares an image with its base")
    base = subprocess.run(
        [*build.INSPECT[engine], build.BASE[engine], image], capture_output=True, text=True, check=True
    ).stdout.strip()
    changed = subprocess.run(
        [engine, "image", "diff", "--format", "json", image, base], capture_output=True, text=True, check=True
    ).stdout
    paths = [path for kind in json.loads(changed).values() for path in kind]
    assert {"/".join(path.split("/")[:2]) for path in paths} == {"/opt", "/models", "/state"}
