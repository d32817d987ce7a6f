"""`puntual data`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from puntual.cli.options import json_option

if TYPE_CHECKING:
    from puntual.storage import Store

folder_option = click.option("--folder", default="data", show_default=True, help="Folder of your tables.")
force_option = click.option("--force", is_flag=True, help="Write over a table that differs.")


@click.group()
def data() -> None:
    """Copy tables of flights between a folder and a bucket."""


@data.command()
@click.argument("names", metavar="[FILE]...", nargs=-1)
@click.option("--to", required=True, help="Where to, such as s3://bucket/data.")
@folder_option
@force_option
@json_option
def push(names: tuple[str, ...], to: str, folder: str, force: bool, as_json: bool) -> None:
    """Copy tables of the folder to a bucket [all of them]."""
    from puntual.storage import open_store

    _copy(open_store(folder), open_store(to), names, force, as_json)


@data.command()
@click.argument("names", metavar="[FILE]...", nargs=-1)
@click.option("--from", "source", required=True, help="Where from, such as s3://bucket/data.")
@folder_option
@force_option
@json_option
def pull(names: tuple[str, ...], source: str, folder: str, force: bool, as_json: bool) -> None:
    """Copy tables of a bucket into the folder [all of them]."""
    from puntual.storage import open_store

    _copy(open_store(source), open_store(folder), names, force, as_json)


def _copy(source: "Store", target: "Store", names: Sequence[str], force: bool, as_json: bool) -> None:
    from puntual.cli.output.copies import bars, print_copied
    from puntual.sources.copy_tables import copy_tables

    with bars() as on_progress:
        copied = copy_tables(source, target, names, force=force, progress=on_progress)
    print_copied(copied, as_json)
