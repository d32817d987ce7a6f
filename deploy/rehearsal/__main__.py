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

from deploy.rehearsal import containers, hardened, machine
from deploy.rehearsal.client import FLIGHT, Client
from deploy.rehearsal.clone import Clone, make_image
from deploy.rehearsal.cloud import Cloud, cloud
from deploy.rehearsal.docker_registry import registry
from deploy.rehearsal.hardened import HardeningError, expect
from deploy.rehearsal.material import make_bundles
from deploy.rehearsal.releases import Releases
from deploy.rehearsal.scale import rehearse_scale
from deploy.rehearsal.stages import Stages
from deploy.rehearsal.workflows import Workflows
from puntual.api.auth.api_keys import KeyStore, exported
from puntual.registry import Registry

ROOT = Path(__file__).parents[2]
TASKS = 2


def main() -> None:
    """Rehearse, and print what came of it; the exit status is 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "what", nargs="?", choices=("release", "scale"), default="release",
        help="a release and its roll-back, or a run on many machines [release]",
    )  # fmt: skip
    parser.add_argument(
        "--stand-in", action="store_true", help="make the base image up even if the real one is here"
    )
    parser.add_argument(
        "--processes", action="store_true", help="of scale: processes in the place of containers"
    )
    arguments = parser.parse_args()
    # A kill is to clean up like Ctrl-C, which who starts this in the background may have turned off.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stages = Stages()
    try:
        with ExitStack() as opened:
            if arguments.what == "scale":
                rehearse_scale(opened, stages, stand_in=arguments.stand_in, processes=arguments.processes)
            else:
                rehearse(opened, stages, stand_in=arguments.stand_in)
    except (HardeningError, subprocess.SubprocessError) as error:
        sys.exit(f"\nThe rehearsal failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nThe rehearsal was interrupted; what it started is gone.")


def rehearse(opened: ExitStack, stages: Stages, *, stand_in: bool) -> None:
    """Walk through all stages; what is started is ended with `opened`."""
    with stages.stage("find the tools"):
        machine.require_tools(stand_in=stand_in)
    scratch = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="puntual-rehearsal-")))
    opened.enter_context(containers.settings_for_podman(scratch))
    with stages.stage("find or make the base image"):
        os.environ["IMAGE_ARGS"] = machine.build_arguments(machine.find_base(stand_in=stand_in))
        os.environ["ENGINE"] = "podman"
    clone, models = Clone(ROOT, scratch / "clone"), Registry(scratch / "models")
    opened.callback(clean_up, clone)
    first, second = make_image_and_bundles(stages, clone, models, scratch)
    with stages.stage("start a registry of images and a stand-in for AWS, and apply the stack"):
        host = opened.enter_context(registry(scratch))
        aws = opened.enter_context(cloud())
        outputs = aws.apply("puntual", {"GitHubRepository": "owner/puntual"}, registry=host)
        start = containers.Containers(aws.environment, "podman")
        ecs = opened.enter_context(aws.service(outputs, start, desired=0, grace=60))
    key = make_key(aws, scratch)
    workflows = Workflows(clone.folder, scratch, environment_for(aws), key)
    releases = Releases(aws, outputs, clone, models, workflows)
    with stages.stage("first release, from nothing (deploy.yml)"):
        releases.first(first)
    ecs.update(releases.running(), TASKS)
    release_under_load(stages, releases, Client(aws.balancer_url, key), first, second)


def make_image_and_bundles(stages: Stages, clone: Clone, models: Registry, scratch: Path) -> tuple[str, str]:
    """Build the image of the clone's commit, run it, and train two bundles; give their versions."""
    with stages.stage("train two bundles, and build the image"), ThreadPoolExecutor(1) as beside:
        built = beside.submit(make_image, clone, scratch)
        first, second = make_bundles(models)
        models.set_champion(first, datetime.now(UTC), previous=None)
        image = built.result()
    with stages.stage("run it without rights, in 512 MB, and stop it while it is asked"):
        hardened.rehearse(image, Path(models.url), json.dumps({"flights": [FLIGHT]}).encode())
    return first, second


def release_under_load(stages: Stages, releases: Releases, client: Client, first: str, second: str) -> None:
    """Release and roll back while a client keeps asking, who must notice nothing."""
    before = releases.running()
    with client:
        with stages.stage("good release (deploy.yml)"):
            releases.good()
        with stages.stage("broken release, which rolls back by itself and fails (deploy.yml)"):
            releases.broken()
        with stages.stage("release of a model alone (deploy.yml)"):
            releases.model(second)
        with stages.stage("roll back both by hand (rollback.yml)"):
            releases.roll_back(before, first)
    conclude(stages, client)
    expect(not client.failures, f"{len(client.failures)} requests failed, first {client.failures[:3]}")
    answered = sorted(client.versions)
    expect(answered == sorted((first, second)), f"{answered} answered, not {first} and {second}")


def conclude(stages: Stages, client: Client) -> None:
    """Print the closing table."""
    print()
    for what, seconds in stages.seconds.items():
        print(f"{seconds:8.1f} s  {what}")
    print(f"{stages.total():8.1f} s  in all")
    print(f"{client.sent:8,}    requests sent, {len(client.failures)} failed")


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


def clean_up(clone: Clone) -> None:
    """Remove the containers and images of a rehearsal, however it ended; layers that a build can use again stay."""
    podman("rm", "--force", *podman("ps", "--all", "--quiet", "--filter", f"name={containers.PREFIX}"))
    # What was pushed has a tag, what was run from the registry a digest alone.
    for name in ("{{.Repository}}:{{.Tag}}", "{{.Repository}}@{{.Digest}}"):
        images = podman("images", "--format", name, "--filter", "reference=127.0.0.1:*/puntual")
        podman("rmi", "--no-prune", *images)
    podman("rmi", "--no-prune", *(f"localhost/puntual:{commit}" for commit in clone.commits))


def podman(*words: str) -> list[str]:
    """Have podman do what it can, and give the words that it prints."""
    return subprocess.run(["podman", *words], capture_output=True, text=True, check=False).stdout.split()


if __name__ == "__main__":
    main()
