"""`python -m deploy.pipeline`: what the workflows call."""

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.pipeline.command import failing_loudly, write_result
from deploy.pipeline.scale_command import scale
from puntual.cli.options import json_option

if TYPE_CHECKING:
    from deploy.pipeline.aws import Aws
    from deploy.pipeline.ecs_release import EcsService
    from deploy.pipeline.smoke_test import SmokeTest
    from deploy.pipeline.stack import Stack
    from puntual.registry import Registry

stack_option = click.option(
    "--stack", "name", default="puntual", show_default=True, help="Name of the stack."
)
proof_option = click.option(
    "--proof-seconds",
    type=click.FloatRange(0),
    default=120,
    show_default=True,
    help="Time for good answers to come.",
)
seconds_option = click.option(
    "--seconds", type=click.FloatRange(0), default=900, show_default=True, help="Time for a rollout."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def deploy() -> None:
    """Release images and models to the stack of deploy/aws, prove them, and roll them back."""


deploy.add_command(scale)


@deploy.command()
@stack_option
@json_option
@failing_loudly
def outputs(name: str, as_json: bool) -> None:
    """Show where the parts of the stack are, and the image that runs, as a shell takes variables."""
    from deploy.pipeline.stack import read_outputs
    from puntual.cli.output.console import print_json

    aws, stack = _stack(name)
    outputs = {_in_capitals(key): value for key, value in read_outputs(aws, name).items()}
    outputs["IMAGE"] = _service(aws, stack, seconds=0).image()
    if as_json:
        print_json(outputs)
    else:
        sys.stdout.writelines(f"{key}={shlex.quote(value)}\n" for key, value in sorted(outputs.items()))


@deploy.command()
@stack_option
@click.option("--before", default="", help="The commit before the push.")
@click.option("--head", default="HEAD", show_default=True, help="The commit to deploy.")
@click.option(
    "--what",
    type=click.Choice(["changed", "service", "model", "both"]),
    default="changed",
    show_default=True,
    help="Release what changed, or this.",
)
@json_option
@failing_loudly
def plan(name: str, before: str, head: str, what: str, as_json: bool) -> None:
    """Say whether a commit brings a new service, a new model or both."""
    from deploy.pipeline.plan import Plan
    from deploy.pipeline.plan import plan as planned
    from puntual.registry import Registry

    if what != "changed":
        plan_made = Plan(service=what in ("service", "both"), model=what in ("model", "both"))
    else:
        aws, stack = _stack(name)
        released = _service(aws, stack, seconds=0).last_revision()
        plan_made = planned(
            Path(),
            before=before,
            released=released,
            champions=Registry(stack.registry_url).champions(),
            head=head,
        )
    write_result({"service": plan_made.service, "model": plan_made.model}, as_json)


@deploy.command()
@stack_option
@click.option("--commit", required=True, help="The commit that `make image` made it from.")
@click.option(
    "--target",
    type=click.Choice(["service", "scale"]),
    default="service",
    show_default=True,
    help="The service, or what `make image TARGET=scale` made.",
)
@json_option
@failing_loudly
def image(name: str, commit: str, target: str, as_json: bool) -> None:
    """Push an image under its commit, and say its name by digest."""
    from deploy.pipeline.image import open_repository, publish
    from puntual.cli.output.console import say

    aws, stack = _stack(name)
    opened = open_repository(aws, stack.repository_uri)
    tag = commit if target == "service" else f"{target}-{commit}"
    write_result({"image": publish(opened, f"puntual:{tag}", tag, say)}, as_json)


@deploy.command()
@stack_option
@click.option("--image", required=True, help="The image to run, by digest.")
@click.option("--commit", required=True, help="The commit that it was made from.")
@seconds_option
@proof_option
@json_option
@failing_loudly
def service(name: str, image: str, commit: str, seconds: float, proof_seconds: float, as_json: bool) -> None:
    """Roll an image out, prove that it serves, and roll back where it does not."""
    from puntual.registry import Registry

    aws, stack = _stack(name)
    smoke_test = _smoke_test(stack, proof_seconds)
    champion = Registry(stack.registry_url).champion()
    released = _service(aws, stack, seconds).release(image, commit, lambda: smoke_test.run(champion))
    write_result({"task-definition": released.task_definition, "previous": released.previous}, as_json)


@deploy.command()
@stack_option
@click.option(
    "--pointer",
    type=click.Path(path_type=Path),
    default=Path("models/model_to_deploy"),
    show_default=True,
    help="The committed version and digest.",
)
@proof_option
@json_option
@failing_loudly
def model(name: str, pointer: Path, proof_seconds: float, as_json: bool) -> None:
    """Make the committed bundle the champion, prove that it answers, and put the former one back where it does not."""
    from deploy.pipeline.model_release import read_wanted, release
    from puntual.cli.output.console import say

    wanted = read_wanted(pointer)
    _, stack = _stack(name)
    swapped = release(_trusting(stack.registry_url), wanted, _smoke_test(stack, proof_seconds), say)
    write_result({"version": swapped.version, "previous": swapped.previous or ""}, as_json)


@deploy.command()
@stack_option
@click.option("--version", help="The bundle that must answer [the champion].")
@proof_option
@json_option
@failing_loudly
def smoke(name: str, version: str | None, proof_seconds: float, as_json: bool) -> None:
    """Ask for predictions through the load balancer until they are good."""
    from puntual.registry import Registry

    _, stack = _stack(name)
    wanted = version or Registry(stack.registry_url).champion()
    _smoke_test(stack, proof_seconds).run(wanted)
    write_result({"version": wanted or ""}, as_json)


@deploy.command()
@stack_option
@click.option(
    "--what",
    type=click.Choice(["service", "model", "both"]),
    required=True,
    help="What goes back to what was before it.",
)
@seconds_option
@proof_option
@json_option
@failing_loudly
def rollback(name: str, what: str, seconds: float, proof_seconds: float, as_json: bool) -> None:
    """Go back to the image or model before the one that runs, and prove that it serves."""
    from deploy.pipeline.model_release import roll_back
    from puntual.cli.output.console import say

    aws, stack = _stack(name)
    registry, smoke_test = _trusting(stack.registry_url), _smoke_test(stack, proof_seconds)
    restored = {}
    if what != "model":
        champion = registry.champion()
        released = _service(aws, stack, seconds).roll_back(lambda: smoke_test.run(champion))
        restored["task-definition"] = released.task_definition
    if what != "service":
        restored["version"] = roll_back(registry, smoke_test, say).version
    write_result(restored, as_json)


def _in_capitals(name: str) -> str:
    """Write RegistryUrl as REGISTRY_URL."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def _trusting(url: str) -> "Registry":
    """Open a registry of which only what the keys of PUNTUAL_TRUSTED_KEYS signed is made champion."""
    from puntual.registry import Registry, TrustedKeys
    from puntual.settings import read_settings

    return Registry(url, trusted=TrustedKeys(read_settings(os.environ).trusted_keys))


def _stack(name: str) -> "tuple[Aws, Stack]":
    from deploy.pipeline.aws import Aws
    from deploy.pipeline.stack import read_stack

    aws = Aws()
    return aws, read_stack(aws, name)


def _service(aws: "Aws", stack: "Stack", seconds: float) -> "EcsService":
    from deploy.pipeline.ecs_release import EcsService
    from deploy.pipeline.poller import Poller
    from puntual.cli.output.console import say

    return EcsService(aws, stack, Poller(seconds, every=min(5, seconds / 100)), say)


def _smoke_test(stack: "Stack", seconds: float) -> "SmokeTest":
    from deploy.pipeline.poller import Poller
    from deploy.pipeline.smoke_test import SmokeTest

    key = os.environ.get("PUNTUAL_API_KEY")
    return SmokeTest(stack.load_balancer_url, key, Poller(seconds, every=0.25))


if __name__ == "__main__":
    deploy(prog_name="python -m deploy.pipeline")
