"""`make rehearse`: from a commit to a release, a broken release and a roll-back, on this machine.

Everything real but the cloud: the image is built and run, pushed to a registry and run again by a stand-in for ECS, the
workflows are executed by act, and a client keeps asking all along.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.rehearsal import containers, hardened, machine
from deploy.rehearsal.client import FLIGHT, Client
from deploy.rehearsal.clone import BROKEN, IMPROVED, POINTER, Clone
from deploy.rehearsal.cloud import Cloud, cloud
from deploy.rehearsal.docker_registry import registry
from deploy.rehearsal.hardened import Failed, expect
from deploy.rehearsal.material import make_bundles
from deploy.rehearsal.stages import Stages
from deploy.rehearsal.workflows import Workflows
from puntual.api_keys import KeyStore, exported
from puntual.registry import Registry

ROOT = Path(__file__).parents[2]
SERVER = "src/puntual/api/server.py"
STACK = "puntual"
TASKS = 2


def main() -> None:
    """Rehearse, and tell what came of it; the exit status is 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--stand-in", action="store_true", help="make the base image up even if the real one is here"
    )
    asked = parser.parse_args()
    # A kill is to clean up like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stages = Stages()
    try:
        with ExitStack() as opened:
            rehearse(opened, stages, stand_in=asked.stand_in)
    except (Failed, subprocess.SubprocessError) as error:
        sys.exit(f"\nThe rehearsal failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nThe rehearsal was interrupted; what it started is gone.")


def rehearse(opened: ExitStack, stages: Stages, *, stand_in: bool) -> None:
    """Walk through all stages; what is started is ended with `opened`."""
    with stages.stage("find the tools"):
        machine.require_tools()
    scratch = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="puntual-rehearsal-")))
    opened.enter_context(containers.settings_for_podman(scratch))
    with stages.stage("find or make the base image"):
        os.environ["IMAGE_ARGS"] = machine.build_arguments(machine.find_base(stand_in=stand_in))
        os.environ["ENGINE"] = "podman"
    clone = Clone(ROOT, scratch / "clone")
    opened.callback(clean_up, clone)
    local = Registry(scratch / "models")
    with stages.stage("train two bundles, and build the image"), ThreadPoolExecutor(1) as beside:
        built = beside.submit(make_image, clone, scratch)
        first, second = make_bundles(local)
        local.set_champion(first, datetime.now(UTC), previous=None)
        built.result()
    push = clone.commit("Deploy the first model", POINTER, local.store.read("model_to_deploy") or b"")
    with stages.stage("run it without rights, in 512 MB, and stop it while it is asked"):
        body = json.dumps({"flights": [FLIGHT]}).encode()
        hardened.rehearse("puntual:latest", scratch / "models", body)
    with stages.stage("start a registry of images and a stand-in for AWS, and apply the stack"):
        host = opened.enter_context(registry(scratch))
        aws = opened.enter_context(cloud())
        outputs = aws.apply(STACK, {"GitHubRepository": "owner/puntual"}, registry=host)
        key = make_key(aws, scratch)
        ecs = opened.enter_context(
            aws.service(outputs, containers.Containers(aws.environment, "podman"), desired=0, grace=60)
        )
    flows = Workflows(clone.folder, scratch, environment_for(aws), key)
    with stages.stage("first release, from nothing (deploy.yml)"):
        puntual(aws, clone, "models", "push", first, "--registry", local.url, "--to", outputs["RegistryUrl"])
        puntual(aws, clone, "promote", first, "--force", "--registry", outputs["RegistryUrl"])
        flows.run("push", "deploy.yml", push)
        ecs.update(running(aws, outputs), TASKS)
    with Client(aws.balancer_url, key) as client:
        with stages.stage("good release (deploy.yml)"):
            before = running(aws, outputs)
            push = clone.commit("Improve the service", SERVER, IMPROVED.encode(), append=True)
            flows.run("push", "deploy.yml", push)
            good = running(aws, outputs)
            expect(good != before, f"{good} still runs")
        with stages.stage("broken release, which rolls back by itself and fails (deploy.yml)"):
            push = clone.commit("Break the service", SERVER, BROKEN.encode(), append=True)
            said = flows.run("push", "deploy.yml", push, fails=True)
            expect("Rolled back" in said, f"no word of a roll-back in {flows.log}")
            expect(running(aws, outputs) == good, f"{running(aws, outputs)} runs, expected {good}")
        with stages.stage("release of a model alone (deploy.yml)"):
            local.set_champion(second, datetime.now(UTC), previous=first)
            puntual(
                aws, clone, "models", "push", second, "--registry", local.url, "--to", outputs["RegistryUrl"]
            )
            push = clone.commit(
                "Deploy the second model", POINTER, local.store.read("model_to_deploy") or b""
            )
            flows.run("push", "deploy.yml", push)
            expect(running(aws, outputs) == good, "the service was released as well")
            expect(champion(aws, clone, outputs) == second, "the second model is not the champion")
        with stages.stage("roll back both by hand (rollback.yml)"):
            flows.run("workflow_dispatch", "rollback.yml", {"inputs": {"what": "both"}})
            expect(running(aws, outputs) == before, f"{running(aws, outputs)} runs, expected {before}")
            expect(champion(aws, clone, outputs) == first, "the first model is not the champion")
    conclude(stages, client)
    expect(not client.failures, f"{len(client.failures)} requests failed, first {client.failures[:3]}")
    expect(set(client.versions) == {first, second}, f"asked of {sorted(client.versions)}, not of both models")


def conclude(stages: Stages, client: Client) -> None:
    """Print the closing table."""
    print()
    for what, seconds in stages.seconds.items():
        print(f"{seconds:8.1f} s  {what}")
    print(f"{stages.total():8.1f} s  in all")
    print(f"{client.sent:8,}    requests sent, {len(client.failures)} failed")


def make_image(clone: Clone, scratch: Path) -> None:
    """Build the image of the clone's commit; what the build says goes to a log."""
    log = scratch / "image.log"
    with log.open("wb") as output:
        done = subprocess.run(["make", "image"], cwd=clone.folder, stdout=output, stderr=output, check=False)
    expect(done.returncode == 0, f"make image failed: {log.read_text(errors='replace')[-2000:]}")


def make_key(aws: Cloud, scratch: Path) -> str:
    """Make a key, and put what the service knows of it where secrets are."""
    store = KeyStore(scratch / "keys")
    key = store.create("rehearsal", datetime.now(UTC))
    aws.front.secrets["PUNTUAL_KEYS"] = exported(store.all())
    return key


def environment_for(aws: Cloud) -> dict[str, str]:
    """Give what a step of a workflow finds here and not on GitHub."""
    ours = ("IMAGE_ARGS", "ENGINE", "CONTAINERS_CONF", "BUILDAH_ISOLATION")
    return {name: os.environ[name] for name in ours} | {
        "AWS_ENDPOINT_URL": aws.url,
        "REHEARSAL_PYTHON": sys.executable,
    }


def puntual(aws: Cloud, clone: Clone, *words: str) -> str:
    """Call the command line of the clone as a person would."""
    ours = os.environ | aws.environment | {"PYTHONPATH": str(clone.folder / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "puntual.cli", *words], env=ours, capture_output=True, text=True, check=False
    )
    expect(done.returncode == 0, f"puntual {' '.join(words)}: {done.stderr[-1000:]}")
    return done.stdout


def running(aws: Cloud, outputs: dict[str, str]) -> str:
    """Say which task definition the service runs."""
    names: dict[str, Any] = {"cluster": outputs["ClusterName"], "services": [outputs["ServiceName"]]}
    return str(aws.client("ecs").describe_services(**names)["services"][0]["taskDefinition"])


def champion(aws: Cloud, clone: Clone, outputs: dict[str, str]) -> str:
    """Say which bundle of the bucket is the champion."""
    said = puntual(aws, clone, "models", "list", "--registry", outputs["RegistryUrl"], "--json")
    return next(one["version"] for one in json.loads(said)["models"] if one["champion"])


def clean_up(clone: Clone) -> None:
    """Remove the containers and images of a rehearsal, however it ended; layers that a build can use again stay."""
    podman("rm", "--force", *podman("ps", "--all", "--quiet", "--filter", f"name={containers.PREFIX}"))
    # What was pushed has a tag, what was run from the registry a digest alone.
    for name in ("{{.Repository}}:{{.Tag}}", "{{.Repository}}@{{.Digest}}"):
        found = podman("images", "--format", name, "--filter", "reference=127.0.0.1:*/puntual")
        podman("rmi", "--no-prune", *found)
    podman("rmi", "--no-prune", *(f"localhost/puntual:{commit}" for commit in clone.commits))


def podman(*words: str) -> list[str]:
    """Have podman do what it can, and give the words that it prints."""
    return subprocess.run(["podman", *words], capture_output=True, text=True, check=False).stdout.split()


if __name__ == "__main__":
    main()
