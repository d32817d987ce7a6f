"""`puntual stress`."""

import sys
from pathlib import Path

import click

from puntual.cli.options import bundle_option, json_option, registry_option


@click.command()
@click.option("--url", help="A service that runs already, such as http://127.0.0.1:8000 [one is started].")
@click.option(
    "--requests", type=click.IntRange(1), default=50_000, show_default=True, help="Requests to send."
)
@click.option(
    "--seconds", type=click.IntRange(1, 86_400), default=45, show_default=True, help="Time for all of them."
)
@click.option(
    "--connections", type=click.IntRange(1, 10_000), default=32, show_default=True, help="Requests at a time."
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Of the one started."
)
@click.option(
    "--flights", type=click.Path(path_type=Path), help="Flights to ask about [the bundle's source]."
)
@click.option(
    "--repeated",
    is_flag=True,
    help="Ask about the 10,000 latest flights again and again [each request about another flight].",
)
@bundle_option
@registry_option
@click.option(
    "--compare/--no-compare", default=True, help="Put a bare server and the usual stack under it too."
)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder to keep the requests and answers in.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    default=Path("reports/stress.html"),
    show_default=True,
    help="Where the report goes.",
)
@json_option
def stress(
    url: str | None,
    requests: int,
    seconds: int,
    connections: int,
    workers: int,
    flights: Path | None,
    repeated: bool,
    which: str | None,
    registry: str,
    compare: bool,
    keep: Path | None,
    report: Path,
    as_json: bool,
) -> None:
    """Ask a service about thousands of flights at once, none of them asked before, and check every answer.

    The flights are those of a real table, moved over the days that the bundle knows, so that no request asks what
    another has asked.

    The exit status is 0 when all requests were answered, rightly and in time, and 1 when they were not. The load is
    made by wrk (Debian: apt install wrk), or by locust where that is missing. A key goes in PUNTUAL_API_KEY.
    """
    from puntual.cli.output.console import print_json, progress
    from puntual.cli.output.stress_result import print_stress_result
    from puntual.stress import Trial, run_trial
    from puntual.stress.load_report import write_stress_report

    if url and which:
        raise click.UsageError("--url and --bundle exclude each other: the service says what it serves")
    trial = Trial(
        url=url,
        requests=requests,
        seconds=seconds,
        connections=connections,
        workers=workers,
        registry=registry,
        bundle=which,
        flights=flights,
        repeated=repeated,
        keep=keep,
        compare=compare,
    )
    with progress("stress test") as report_progress:
        result = run_trial(trial, report_progress)
    write_stress_report(result, report)
    if as_json:
        print_json(result)
    else:
        print_stress_result(result, report)
    sys.exit(0 if result.met else 1)
