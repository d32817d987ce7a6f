"""Options that several commands share, and how errors become messages and exit statuses."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from puntual.errors import CostError, PuntualError, UnknownCandidateError
from puntual.storage import is_url

SOURCE_NAMES = ("nyc", "scl", "table")
MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"])
BAD_ROWS = ("refuse", "leave_out")
FORMATS = ("csv", "parquet", "json")
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


def telling_errors(command: Command) -> Command:
    """Turn an error of Puntual into its message and the exit status that goes with it."""

    @wraps(command)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (UnknownCandidateError, CostError) as error:
            raise click.UsageError(str(error)) from error
        except PuntualError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            if error.name != "polars":
                raise
            raise click.ClickException(
                "tables of flights cannot be read or written: Polars is not installed; "
                "pip install 'puntual[tables]', or 'puntual[train]' to learn from them too"
            ) from error

    return told


def wait_quietly() -> None:
    """Have idle threads of the training libraries sleep: spinning, they stall a machine that has other work.

    It holds only if said before those libraries are loaded; what the user has set stands.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
