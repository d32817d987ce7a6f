"""The releases of a rehearsal, each a commit and the real workflow that it starts, and what must be true after."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploy.rehearsal.clone import BROKEN, IMPROVED, POINTER, SERVER, Clone
from deploy.rehearsal.cloud import Cloud
from deploy.rehearsal.hardened import expect
from deploy.rehearsal.workflows import Workflows
from puntual.registry import Registry


@dataclass(frozen=True)
class Releases:
    """Where releases come from, the folder `models` and the clone, and where they go."""

    aws: Cloud
    outputs: dict[str, str]
    clone: Clone
    models: Registry
    workflows: Workflows

    def first(self, version: str) -> None:
        """Release a model and the first image to a stack that has none, as the runbook does."""
        bucket = self.outputs["RegistryUrl"]
        self._puntual("models", "push", version, "--registry", self.models.url, "--to", bucket)
        # So small a model need not pass the gate.
        self._puntual("models", "promote", version, "--force", "--registry", bucket)
        self._deploy(self._commit_pointer(version))

    def good(self) -> None:
        """Release a commit that changes the service."""
        before = self.running()
        self._deploy(self.clone.commit("Improve the service", SERVER, IMPROVED.encode(), append=True))
        expect(self.running() != before, f"{before} still runs")

    def broken(self) -> None:
        """Release a commit that never gets ready: the workflow must fail, and what ran before run on."""
        before = self.running()
        push = self.clone.commit("Break the service", SERVER, BROKEN.encode(), append=True)
        said = self._deploy(push, fails=True)
        expect("Rolled back" in said, f"the workflow says nothing of a roll-back: {said[-2000:]}")
        expect(self.running() == before, f"{self.running()} runs, expected {before}")

    def model(self, version: str) -> None:
        """Release a model alone; the service must run on as it is."""
        before = self.running()
        self._puntual(
            "models", "push", version, "--registry", self.models.url, "--to", self.outputs["RegistryUrl"]
        )
        self._deploy(self._commit_pointer(version))
        expect(self.running() == before, f"the service was released as well: {self.running()} runs")
        expect(self.champion() == version, f"{self.champion()} is the champion, expected {version}")

    def roll_back(self, task_definition: str, version: str) -> None:
        """Go back to the image and the model before."""
        self.workflows.run("workflow_dispatch", "rollback.yml", {"inputs": {"what": "both"}})
        expect(self.running() == task_definition, f"{self.running()} runs, expected {task_definition}")
        expect(self.champion() == version, f"{self.champion()} is the champion, expected {version}")

    def running(self) -> str:
        """Say which task definition the service runs."""
        names: dict[str, Any] = {
            "cluster": self.outputs["ClusterName"],
            "services": [self.outputs["ServiceName"]],
        }
        return str(self.aws.client("ecs").describe_services(**names)["services"][0]["taskDefinition"])

    def champion(self) -> str:
        """Say which bundle of the bucket is the champion."""
        said = self._puntual("models", "list", "--registry", self.outputs["RegistryUrl"], "--json")
        return next(one["version"] for one in json.loads(said)["models"] if one["champion"])

    def _deploy(self, push: dict[str, str], *, fails: bool = False) -> str:
        return self.workflows.run("push", "deploy.yml", push, fails=fails)

    def _commit_pointer(self, version: str) -> dict[str, str]:
        self.models.set_champion(version, datetime.now(UTC), previous=self.models.champion())
        return self.clone.commit("Deploy a model", POINTER, self.models.store.read("model_to_deploy") or b"")

    def _puntual(self, *words: str) -> str:
        """Call the command line of the clone as a person would."""
        ours = os.environ | self.aws.environment | {"PYTHONPATH": str(self.clone.folder / "src")}
        command = [sys.executable, "-m", "puntual", *words]
        done = subprocess.run(command, env=ours, capture_output=True, text=True, check=False)
        expect(done.returncode == 0, f"puntual {' '.join(words)}: {done.stderr[-1000:]}")
        return done.stdout
