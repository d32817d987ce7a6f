"""`python -m deploy.pipeline scale`: a command of `puntual` on many machines."""

from datetime import UTC, datetime

import click

from deploy.pipeline.command import failing_loudly, write_result
from puntual.cli.options import json_option


@click.command()
@click.option(
    "--stack", "name", default="puntual-scale", show_default=True, help="Name of the stack of scale.yaml."
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    required=True,
    help="Workers to run it on; 0 ends what runs, and runs nothing.",
)
@click.option("--image", default="", help="The image to run, by digest [that of the stack].")
@click.option(
    "--seconds", type=click.FloatRange(0), default=900, show_default=True, help="Time for workers to come."
)
@click.option(
    "--run-seconds", type=click.FloatRange(0), default=9000, show_default=True, help="Time for the command."
)
@json_option
@click.argument("command", nargs=-1)
@failing_loudly
def scale(
    name: str,
    workers: int,
    image: str,
    seconds: float,
    run_seconds: float,
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Run a COMMAND of puntual, after --, with scheduler and workers that begin and end with it."""
    from deploy.pipeline.aws import Aws
    from deploy.pipeline.certificates import make_certificates
    from deploy.pipeline.poller import Poller
    from deploy.pipeline.scale_run import ScaleRun, read_scale_stack
    from puntual.cli.output.console import say

    if bool(workers) != bool(command):
        raise click.UsageError(
            f"{workers} workers for {' '.join(command) or 'no command'!r}; give both, such as "
            "--workers 8 -- train --source nyc, or --workers 0 alone to end what runs"
        )
    aws = Aws()
    run = ScaleRun(aws, read_scale_stack(aws, name), say)
    if not workers:
        run.end()
        write_result({"workers": "0"}, as_json)
        return
    finished = run.run(
        command,
        workers,
        image,
        make_certificates(datetime.now(UTC)),
        begin=Poller(seconds, every=min(5, seconds / 100)),
        work=Poller(run_seconds, every=min(5, run_seconds / 100)),
    )
    version = finished.printed.get("version", "")
    write_result({"version": version, "workers": str(finished.workers)}, as_json)
