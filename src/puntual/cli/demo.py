"""`puntual demo`."""

import os
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from puntual.cli.command_line import command_line
from puntual.cli.options import bad_rows_option, registry_option, wait_quietly

if TYPE_CHECKING:
    from puntual.sources import FlightTable


@click.command()
@registry_option
@click.option("--reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@bad_rows_option
def demo(registry: str, reports: Path, bad_rows: str | None) -> None:
    """Train a quick preset on real flights, promote the winner and predict three of them.

    The last day, which the model has not seen, is left for the page of the service to play again.
    """
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
    is_left = shown.refused is None and _leave(shown.table, shown.day)
    print_demo(shown, reports, registry, is_left=is_left)


def _leave(table: "FlightTable", day: date) -> bool:
    """Leave the last day for the page to play again, where the service is installed and nothing was kept before."""
    if find_spec("litestar") is None or find_spec("sqlalchemy") is None:
        return False
    from puntual.api.serving.coming_flights import read_coming
    from puntual.api.serving.timetable_file import TimetableFile
    from puntual.operations.replay.left_day import leave_events, timetable_of
    from puntual.settings import read_settings

    settings = read_settings(os.environ)
    journal = settings.journal_place()
    kept = TimetableFile(Path(settings.state))
    if journal is None or len(kept.keys().day):
        return False
    # Whoever has a journal already looks at flights of his own.
    if isinstance(journal, str) or journal.exists():
        return False
    kept.write(read_coming(timetable_of(table, day), "the last day", ".csv").flights)
    leave_events(table, day, journal, datetime.now(UTC))
    return True
