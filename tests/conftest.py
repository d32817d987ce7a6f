"""Made data that several test files share."""

import os

# Threads that wait for one another on a busy machine take twenty times as long as one thread does alone. A library of
# matrices, or of tables, reads this once, when it is loaded.
os.environ.setdefault("OMP_THREAD_LIMIT", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import settings

from flights_made import SPLIT, as_flight_table, make_flights
from made_once import made_once
from puntual.evaluation import Evaluation, Measure
from puntual.evaluation.gate import Evidence
from puntual.features.states import STATE_NAMES
from puntual.flights.flight import BANDS, LateRule
from puntual.registry import REQUIRED_TABLES, Agreement, Bundle, Manifest

# An example that takes long on a busy machine is no fault of the code: speed is what `make bench` measures.
settings.register_profile("puntual", deadline=None)
settings.load_profile("puntual")


# Begun first: whoever came to them last would leave the other processes of a run without work.
LONGEST = (
    "test_readme.py",
    "test_contract_of_other_routes.py",
    "test_ecs_release.py",
    "test_trial.py",
    "test_guide.py",
    "test_notebook.py",
    "test_bucket.py",
    "test_contract_of_predictions.py",
    "test_real_tables.py",
    "test_train.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest before the others; all else stays in order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def made_flights() -> pl.DataFrame:
    return make_flights()


@pytest.fixture(scope="session")
def made_registry(made_flights: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a bundle really trained, on the made flights but for those of the last ten days."""
    registry: Path = tmp_path_factory.mktemp("registry") / "models"
    shutil.copytree(made_once(tmp_path_factory, "trained-once", partial(_train, made_flights)), registry)
    return registry


def _train(flights: pl.DataFrame, registry: Path) -> None:
    from puntual.training.train import Options, train

    train(
        as_flight_table(flights),
        registry=str(registry),
        now=datetime(2026, 1, 2, tzinfo=UTC),
        options=Options(candidates="lightgbm:none", until=datetime(2023, 4, 22), backtest=False, live=False),
    )


@pytest.fixture(scope="session")
def made_bundle(made_registry: Path) -> Bundle:
    """The bundle of `made_registry`."""
    from puntual.registry import Registry

    (listed,) = Registry(made_registry).versions()
    return Registry(made_registry).read(listed.version)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of a server that speaks S3, on a free port."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A client of that server, with an environment that knows of no other account."""
    from botocore.session import Session

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    known = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    return Session().create_client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """The URL of a new bucket."""
    name = f"puntual-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return f"s3://{name}"


@pytest.fixture
def make_bundle() -> Callable[..., Bundle]:
    return _bundle


def _bundle(*, model: bytes = b"onnx", card: str = "# Card", tables=None, evidence=None, **fields) -> Bundle:
    made = {name: {"value": np.array([1.0])} for name in REQUIRED_TABLES}
    manifest = _manifest(**{"evidence": evidence or _evidence(), **fields})
    experts = dict.fromkeys(STATE_NAMES, model)
    return Bundle(manifest=manifest, experts=experts, card=card, tables=made | (tables or {}))


def _manifest(**fields) -> Manifest:
    usual = {
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "puntual": "0.1.0",
        "candidate": "lightgbm",
        "treatment": "none",
        "preset": "quick",
        "source": "nyc",
        "data_digest": "d" * 64,
        "late_rule": LateRule.FROM_15,
        "columns": ("month", "distance"),
        "input_width": 2,
        "expert_columns": {"history": ("month", "distance"), "timetable": ("month",)},
        "bands": BANDS,
        "threshold": 0.3,
        "threshold_rule": "maximise F1 of late",
        "split": SPLIT,
        "period": (datetime(2013, 1, 1), datetime(2013, 12, 31)),
        "history_until": date(2014, 1, 1),
        "airports": ("EWR", "JFK", "LGA"),
        "agreement": Agreement(
            rows=4000, rows_with_missing=1000, largest_difference=1e-7, candidates={"lightgbm": 1e-7}
        ),
        "versions": {"lightgbm": "4.6.0"},
        "scores": {"history": _evaluation()},
    }
    return Manifest(**{**usual, **fields})


def _evaluation() -> Evaluation:
    counted = {"flights", "late_rate", "threshold", "by"}
    names = [name for name in Evaluation.__struct_fields__ if name not in counted]
    measures = dict.fromkeys(names, Measure(0.02, 0.01, 0.03))
    return Evaluation(flights=83_000, late_rate=0.2, threshold=0.3, by={}, **measures)


def _evidence(**fields) -> Evidence:
    usual = {
        "test": _evaluation(),
        "train_until": datetime(2013, 8, 1),
        "test_from": datetime(2013, 10, 1),
        "baseline_difference": Measure(-0.05, -0.06, -0.04),
        "feature_auc": {"month": 0.55},
        "data_digest": "d" * 64,
    }
    return Evidence(**{**usual, **fields})


@pytest.fixture
def make_evidence() -> Callable[..., Evidence]:
    return _evidence
