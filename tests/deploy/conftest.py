"""A stand-in for AWS with the stack applied and the service running as plain processes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result

from deploy.pipeline.__main__ import deploy
from deploy.rehearsal.cloud import cloud
from deploy.rehearsal.processes import Processes
from puntual.api.auth.api_keys import KeyStore, exported
from puntual.registry import Bundle, Registry
from stack_made import GOOD, PROGRAMS, Deployed


@pytest.fixture(scope="module")
def deployed(made_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with pytest.MonkeyPatch.context() as patched, cloud() as aws:
        for name, value in aws.environment.items():
            patched.setenv(name, value)
        outputs = aws.apply("puntual", _parameters(), registry="127.0.0.1:1")
        store = KeyStore(tmp_path_factory.mktemp("keys"))
        key = store.create("pipeline", datetime.now(UTC))
        aws.front.secrets["PUNTUAL_KEYS"] = exported(store.all())
        patched.setenv("PUNTUAL_API_KEY", key)
        registry = Registry(outputs["RegistryUrl"])
        first, second = (
            registry.publish(bundle) for bundle in (made_bundle, replace(made_bundle, card="# Another"))
        )
        registry.set_champion(first, datetime.now(UTC), previous=None)
        start = Processes(aws.environment, PROGRAMS)
        with aws.service(outputs, start, desired=1, grace=60) as ecs:
            made = Deployed(aws, outputs, ecs, key, first, second)
            assert made.settled()
            yield made


def _parameters() -> dict[str, str]:
    return {"GitHubRepository": "owner/puntual", "Image": f"example.org/puntual@sha256:{GOOD}"}


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call what the workflows call; what GitHub would give it is taken away."""
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(deploy, [str(word) for word in words])
