"""`puntual keys`."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from puntual.cli.options import json_option

state_option = click.option("--state", type=click.Path(path_type=Path), help="Folder of the keys [state].")


@click.group()
def keys() -> None:
    """Make, list and revoke the keys that callers of the API show."""


@keys.command()
@click.argument("name")
@click.option(
    "--may",
    "rights",
    multiple=True,
    type=click.Choice(["predict", "operate", "promote"]),
    help="What it may: only predict, operate (events, marks, timetable), promote; repeat it for two [operate].",
)
@state_option
def create(name: str, rights: tuple[str, ...], state: Path | None) -> None:
    """Make a key called NAME and print it; it is shown this once."""
    from puntual.api.auth.api_keys import KeyStore
    from puntual.api.auth.rights import USUAL, Right
    from puntual.cli.output.console import say

    store = KeyStore(_folder(state))
    is_first = not store.all()
    token = store.create(name, datetime.now(UTC), [Right(right) for right in rights] or USUAL)
    if is_first:
        say("from now on every request but probes and documentation needs a key")
    say("keep it safe: only its hash is stored, and it cannot be shown again")
    click.echo(token)


@keys.command("list")
@state_option
@json_option
def list_keys(state: Path | None, as_json: bool) -> None:
    """List the keys by name."""
    from puntual.api.auth.api_keys import KeyStore
    from puntual.cli.output.listings import print_keys

    print_keys(KeyStore(_folder(state)).all(), as_json)


@keys.command()
@click.argument("name")
@state_option
def revoke(name: str, state: Path | None) -> None:
    """Revoke the key called NAME."""
    from puntual.api.auth.api_keys import KeyStore
    from puntual.cli.output.console import say

    remaining = KeyStore(_folder(state)).revoke(name)
    click.echo(f"key {name} is revoked")
    if not remaining:
        say("no key is left: the service stays closed until `puntual keys create NAME` makes one")


@keys.command()
@state_option
def export(state: Path | None) -> None:
    """Print the keys as PUNTUAL_KEYS takes them: their hashes, and no token."""
    from puntual.api.auth.api_keys import KeyStore, exported

    click.echo(exported(KeyStore(_folder(state)).all()))


def _folder(state: Path | None) -> Path:
    from puntual.settings import read_settings

    return state or Path(read_settings(os.environ).state)
