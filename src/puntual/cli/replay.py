"""`puntual replay`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from puntual.cli.options import (
    SOURCE_NAMES,
    bad_rows_option,
    bundle_option,
    json_option,
    place,
    registry_option,
)

if TYPE_CHECKING:
    from puntual.operations.replay import ReplayService


@click.command()
@bundle_option
@click.option("--source", type=click.Choice(SOURCE_NAMES), required=True, help="Whose table it is.")
@click.option("--data", type=place, help="The file, folder or URL with the flights.")
@click.option("--map", "map_file", type=click.Path(path_type=Path), help="TOML map of columns, for table.")
@bad_rows_option
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Which day, by the clocks of the origins."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    help="Times as fast as the day went by, such as 60 [as fast as it goes].",
)
@click.option("--seen", is_flag=True, help="Play a day that the model was trained on all the same.")
@click.option("--url", help="A service that runs already, such as http://127.0.0.1:8000 [one is started].")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Port of the one started [a free one]."
)
@click.option("--stay", is_flag=True, help="Let the one started answer on, to be looked at, until Ctrl-C.")
@registry_option
@json_option
def replay(
    which: str | None,
    source: str,
    data: Path | str | None,
    map_file: Path | None,
    bad_rows: str | None,
    day: datetime,
    speed: float | None,
    seen: bool,
    url: str | None,
    port: int,
    stay: bool,
    registry: str,
    as_json: bool,
) -> None:
    """Play a past day to a service, and show what it predicted at each horizon next to what happened.

    The service is told the day's timetable, and its events as they became known, and is asked about each flight at the
    close of the day before and at 720, 360, 180, 120, 60 and 30 minutes before its schedule. The model has to be one
    that was trained before that day. A key of a service goes in PUNTUAL_API_KEY.
    """
    from puntual.cli.output.console import progress, say
    from puntual.cli.output.notes import say_reading
    from puntual.cli.output.replayed import print_replayed, print_replayed_json
    from puntual.operations.replay import prepare_day, replay
    from puntual.operations.replay.play import require_unseen
    from puntual.sources import read_flights

    if url and (which or port or stay):
        raise click.UsageError(
            "--url names a service that runs; --bundle, --port and --stay are of one to start"
        )
    with _service(url, registry, which, port) as service:
        model = service.model()
        if not seen:
            require_unseen(model, day.date())
        say(f"model {model.version}, trained until {model.trained_until}, answers on {service.url}")
        with progress("replay") as report_progress:
            report_progress("reading", 0, 1)
            table = read_flights(source, data, map_file, bad_rows=bad_rows)
            say_reading(table)
            played = prepare_day(table, day.date(), model.late_rule, model.history_until, model.target)
            result = replay(played, service, model, report_progress, speed)
        print_replayed_json(result) if as_json else print_replayed(result)
        if stay:
            say(f"{service.url} answers until Ctrl-C; it takes as_of, such as {day:%Y-%m-%d}T12:00")
            _wait()


@contextmanager
def _service(url: str | None, registry: str, which: str | None, port: int) -> Iterator["ReplayService"]:
    from puntual.operations.replay import connect, start

    if url:
        service = connect(url)
        yield service
        service.close()
        return
    with (
        tempfile.TemporaryDirectory(prefix="puntual-replay-") as folder,
        start(registry, which, Path(folder), port) as service,
    ):
        yield service


def _wait() -> None:
    import threading

    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
