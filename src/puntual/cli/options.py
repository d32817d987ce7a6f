"""Options that several commands share."""

import math
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from puntual.storage import is_url

SOURCE_NAMES = ("nyc", "scl", "table")
MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"])
BAD_ROWS = ("refuse", "leave_out")
FORMATS = ("csv", "parquet", "json")
# What every library that draws by chance takes.
SEEDS = click.IntRange(0, 2**32 - 1)
Command = Callable[..., Any]


def place(text: str) -> Path | str:
    """Read a path, or the URL of a file in a bucket, which a path would spoil."""
    return text if is_url(text) else Path(text)


bad_rows_option = click.option(
    "--bad-rows",
    type=click.Choice(BAD_ROWS),
    help="Whether rows that cannot be read are refused, or left out and counted [the map's, else refuse].",
)
registry_option = click.option(
    "--registry", default="models", show_default=True, help="Folder or URL of bundles."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
bundle_option = click.option(
    "--bundle",
    "--model",
    "which",
    metavar="VERSION|FILE",
    help="A version, its beginning, or a file [champion].",
)


def source_options(command: Command) -> Command:
    """Add the options that say which flights to read."""
    options = (
        click.option("--source", type=click.Choice(SOURCE_NAMES), required=True, help="Whose table it is."),
        click.option("--data", type=place, help="The file, folder or URL with the flights."),
        click.option(
            "--map", "map_file", type=click.Path(path_type=Path), help="TOML map of columns, for table."
        ),
        bad_rows_option,
        click.option("--from", "start", type=MOMENTS, help="First scheduled departure."),
        click.option("--until", type=MOMENTS, help="End of scheduled departures, exclusive."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def require_finite(context: click.Context, option: click.Parameter, value: float) -> float:
    """Refuse what is no number, or without an end, which a range of numbers lets pass."""
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of minutes; give such as 10, or 0", context, option)
    return value


def require_period(start: datetime | None, until: datetime | None) -> None:
    """Refuse a period that ends before it begins."""
    if start is not None and until is not None and until <= start:
        raise click.UsageError(f"--until {until} does not come after --from {start}; no flight lies between")


def wait_quietly() -> None:
    """Have idle threads of the training libraries sleep: spinning, they stall a machine that has other work.

    It holds only if said before those libraries are loaded; what the user has set stands.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
