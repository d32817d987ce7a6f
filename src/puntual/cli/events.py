"""`puntual events`."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from puntual.cli.options import MOMENTS, SOURCE_NAMES, bad_rows_option, json_option, place, require_period


@click.group()
def events() -> None:
    """Tell a service what happened to flights."""


@events.command("import")
@click.argument("file", type=place)
@click.option(
    "--source", type=click.Choice(SOURCE_NAMES), default="table", show_default=True, help="Whose table it is."
)
@click.option("--map", "map_file", type=click.Path(path_type=Path), help="TOML map of columns, for table.")
@bad_rows_option
@click.option("--from", "start", type=MOMENTS, help="First scheduled departure.")
@click.option("--until", type=MOMENTS, help="End of scheduled departures, exclusive.")
@click.option("--state", type=click.Path(), help="State folder of the service, where its journal is [state].")
@json_option
def import_command(
    file: Path | str,
    source: str,
    map_file: Path | None,
    bad_rows: str | None,
    start: datetime | None,
    until: datetime | None,
    state: str | None,
    as_json: bool,
) -> None:
    """Put what happened to the flights of a table into the journal of a service, which may be running.

    Departures and landings count as known five minutes after them, a cancellation three hours after its schedule, the
    weather of an hour when it is over, and a tail a day before the schedule. What is in the journal already stays as it
    is.
    """
    from puntual.cli.output.console import print_json, progress, say
    from puntual.cli.output.notes import say_reading
    from puntual.errors import JournalError
    from puntual.operations.event_feed import EventFeed
    from puntual.operations.event_import import import_events
    from puntual.operations.table_events import events_of_table, period_of
    from puntual.settings import read_settings
    from puntual.sources import read_flights

    require_period(start, until)
    settings = read_settings(os.environ)
    journal = settings.replace(**({} if state is None else {"state": state})).journal_place()
    if journal is None:
        raise JournalError(
            "PUNTUAL_JOURNAL is 'off', so there is nothing to import into; name a database's URL"
        )
    table = read_flights(source, file, map_file, bad_rows=bad_rows)
    say_reading(table)
    events = events_of_table(*period_of(table, start, until))
    feed = EventFeed(journal)
    try:
        with progress("importing") as report:
            imported = import_events(
                events, feed, datetime.now(UTC), lambda done: report("events", done, events.number)
            )
    finally:
        feed.close()
    if as_json:
        print_json(imported._asdict())
        return
    say(
        f"{imported.applied:,} events are new in the journal, {imported.unchanged:,} were there already; "
        f"{imported.silent:,} flights tell of none"
    )
