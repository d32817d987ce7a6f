"""`puntual demo`."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from puntual.cli.command_line import command_line
from puntual.cli.options import bad_rows_option, registry_option, wait_quietly


@click.command()
@registry_option
@click.option("--reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@bad_rows_option
def demo(registry: str, reports: Path, bad_rows: str | None) -> None:
    """Train a quick preset on real flights, promote the winner and predict three of them."""
    wait_quietly()
    from puntual.cli.output.console import progress
    from puntual.cli.output.demo_result import print_demo
    from puntual.registry import TrustedKeys
    from puntual.settings import read_settings
    from puntual.training.demo import run

    with progress("training", lines=True) as report_progress:
        trusted = TrustedKeys(read_settings(os.environ).trusted_keys)
        shown = run(
            registry,
            reports,
            datetime.now(UTC),
            report_progress,
            bad_rows,
            command=command_line(click.get_current_context()),
            trusted=trusted,
        )
    print_demo(shown, reports, registry)
