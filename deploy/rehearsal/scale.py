"""`make rehearse ARGS=scale`: a scheduler and two workers, one of them killed, and vectors that are the same bits.

The command is the pipeline's, the tasks those of scale.yaml, TLS with certificates made for the run. What stands in is
AWS; where no engine runs containers, `--processes` has processes in their place.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl

from deploy.rehearsal import containers, machine
from deploy.rehearsal.clone import Clone, make_image
from deploy.rehearsal.cloud import cloud
from deploy.rehearsal.hardened import HardeningError, expect
from deploy.rehearsal.members import PREFIX, Container, Member, Processes
from deploy.rehearsal.scale_ecs import ScaleEcs, Start, many_machines
from deploy.rehearsal.stages import Stages

ROOT = Path(__file__).parents[2]
WORKERS = 2
# A month of real flights, which come with the package that the image holds.
FEATURES = ("features", "--source", "nyc", "--from", "2013-01-01", "--until", "2013-03-01")
_PARTS_BEFORE_KILL = 2


def rehearse_scale(opened: ExitStack, stages: Stages, *, stand_in: bool, processes: bool) -> None:
    """Work out features here and on two workers, one of which is killed; what is started is ended with `opened`."""
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="puntual-scale-")))
    shared = folder / "shared"
    (shared / "scratch").mkdir(parents=True)
    # Containers run as another user than the one who looks at what they wrote.
    for path in (folder, shared, shared / "scratch"):
        path.chmod(0o777)
    if processes:
        start: Start = Processes(folder)
    else:
        start = containers_of(opened, stages, folder, shared, stand_in=stand_in)
    with stages.stage("apply both stacks to a stand-in for AWS"):
        aws = opened.enter_context(cloud())
        aws.apply("puntual", {"GitHubRepository": "owner/puntual"}, registry="127.0.0.1:1")
        environment, ecs = opened.enter_context(many_machines(aws, start, str(shared / "scratch")))
    with stages.stage("work out features on this machine alone"):
        run([sys.executable, "-m", "puntual", *FEATURES, "-o", str(folder / "alone")], {})
    with stages.stage(
        f"the same by a scheduler and {WORKERS} workers, one of them killed (deploy.pipeline scale)"
    ):
        killed = run_and_kill(ecs, environment, shared)
    with stages.stage("compare them, and see that nothing runs on"):
        compare(folder / "alone", shared / "together")
        expect(not (ecs.scheduler.tasks or ecs.workers.tasks), "scheduler or workers run on after the run")
    print(
        f"\n{stages.total():8.1f} s  in all; a worker was killed after {killed} parts, and all bits are the same"
    )


def containers_of(opened: ExitStack, stages: Stages, folder: Path, shared: Path, *, stand_in: bool) -> Start:
    """Build the image of the target `scale`, and give what starts its containers; say plainly where nothing can."""
    with stages.stage("find the tools"):
        try:
            machine.require_tools(stand_in=stand_in, unneeded=frozenset({"docker-registry"}))
        except HardeningError as error:
            raise HardeningError(
                f'{error}. What can be run without containers: make rehearse ARGS="scale --processes"'
            ) from error
    opened.enter_context(containers.settings_for_podman(folder))
    with stages.stage("find or make the base image"):
        os.environ["IMAGE_ARGS"] = machine.build_arguments(machine.find_base(stand_in=stand_in))
        os.environ["ENGINE"] = "podman"
    with stages.stage("build the image of the target scale"):
        image = make_image(Clone(ROOT, folder / "clone"), folder, "scale")
    opened.callback(remove_containers, image)

    def start(container: dict[str, Any]) -> Member:
        return Container(image, container["command"], container["environment"], "podman", shared)

    return start


def remove_containers(image: str) -> None:
    """Remove what a rehearsal started and built; layers that a build can use again stay."""
    listing = ["podman", "ps", "--all", "--quiet", "--filter", f"name={PREFIX}"]
    names = subprocess.run(listing, capture_output=True, text=True, check=False).stdout.split()
    for command in (["rm", "--force", *names], ["rmi", "--no-prune", f"localhost/{image}"]):
        subprocess.run(["podman", *command], capture_output=True, check=False)


def run_and_kill(ecs: ScaleEcs, environment: dict[str, str], shared: Path) -> int:
    """Have the pipeline run the features, kill a worker in the midst of it, and give the parts that were there then."""
    parts: list[int] = []
    ended = threading.Event()
    killer = threading.Thread(target=kill_amid, args=(ecs, shared / "scratch", ended, parts.append))
    killer.start()
    try:
        words = ["scale", "--workers", str(WORKERS), "--", *FEATURES, "-o", str(shared / "together")]
        run([sys.executable, "-m", "deploy.pipeline", *words], environment)
    finally:
        ended.set()
        killer.join()
    expect(bool(parts), "the run was over before a worker could be killed")
    return parts[0]


def kill_amid(ecs: ScaleEcs, scratch: Path, ended: threading.Event, report: Callable[[int], object]) -> None:
    """Kill a worker once some parts are finished."""
    while not ended.is_set():
        finished = len([path for path in scratch.rglob("*.parquet") if path.is_file()])
        if finished >= _PARTS_BEFORE_KILL and ecs.workers.tasks:
            ecs.workers.tasks[0].kill()
            report(finished)
            return
        time.sleep(0.02)


def compare(alone: Path, together: Path) -> None:
    """Raise HardeningError unless both folders hold the same files with the same vectors, bit for bit."""
    names, others = (
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))
        for folder in (alone, together)
    )
    expect(bool(names) and names == others, f"{len(others)} files were written, expected {len(names)}")
    different = [
        name for name in names if not pl.read_parquet(alone / name).equals(pl.read_parquet(together / name))
    ]
    expect(not different, f"{len(different)} of {len(names)} files differ, first {different[:1]}")


def run(command: list[str], environment: dict[str, str]) -> None:
    """Run a command of ours; raise HardeningError with its last words when it fails."""
    done = subprocess.run(
        command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    expect(done.returncode == 0, f"{' '.join(command[2:5])} failed: {(done.stderr or done.stdout)[-3000:]}")
