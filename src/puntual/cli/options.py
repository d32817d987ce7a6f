"""Options that several commands share."""

import math
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from puntual.storage import is_url

SOURCE_NAMES = ("nyc", "scl", "bts", "table")
MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"])
BAD_ROWS = ("refuse", "leave_out")
TARGETS = ("departure", "arrival")
FORMATS = ("csv", "parquet", "json", "xlsx")
# What every library that draws by chance takes.
SEEDS = click.IntRange(0, 2**32 - 1)
Command = Callable[..., Any]


def place(text: str) -> Path | str:
    """Read a path, or the URL of a file in a bucket, which a path would spoil."""
    return text if is_url(text) else Path(text)


def complete_version(context: click.Context, _: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Complete a version from the folder of the registry; nothing is fetched for it from a bucket."""
    folder = str(context.params.get("registry") or "models")
    paths = [] if is_url(folder) else sorted(Path(folder).glob("*.puntual"))
    versions = [CompletionItem(path.stem) for path in paths if path.stem.startswith(beginning)]
    return versions or [CompletionItem(beginning, type="file")]


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
    shell_complete=complete_version,
    help="A version, its beginning, or a file [champion].",
)


target_option = click.option(
    "--target",
    type=click.Choice(TARGETS),
    help="The delay that the model has to predict; another model is refused [whichever it predicts].",
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


def cluster_options(command: Command) -> Command:
    """Add the options that spread the work over the workers of a cluster."""
    options = (
        click.option(
            "--cluster",
            metavar="ADDRESS|local[N]",
            help="Spread the work over a Dask cluster, or over N worker processes of this machine.",
        ),
        click.option(
            "--scratch",
            metavar="FOLDER|URL",
            help="Where all workers keep what is finished, with --cluster [beside what is written].",
        ),
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


def separator_of(separator: str | None, decimal: str) -> str:
    """Give the separator of CSV, which is by default one that the decimal mark leaves free."""
    separator = (";" if decimal == "," else ",") if separator is None else separator.replace("\\t", "\t")
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n':
        raise click.UsageError(f"--separator {separator!r} is not one character; give such as ';' or '\\t'")
    if separator == decimal:
        raise click.UsageError(f"--separator and --decimal are both {decimal!r}; give another, such as ';'")
    return separator


def wait_quietly() -> None:
    """Have idle threads of the training libraries sleep: spinning, they stall a machine that has other work.

    It holds only if set before those libraries are loaded; what the user has set stands.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
