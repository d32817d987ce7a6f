"""`puntual models`."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from puntual.cli.options import complete_version, json_option, registry_option

if TYPE_CHECKING:
    from puntual.registry import Registry

versions_argument = click.argument(
    "versions", metavar="[VERSION]...", nargs=-1, shell_complete=complete_version
)
all_option = click.option("--all", "every", is_flag=True, help="Copy every version.")


@click.group()
def models() -> None:
    """List, show, promote, roll back, sign and copy the bundles of a registry."""


@models.command("list")
@registry_option
@json_option
def list_models(registry: str, as_json: bool) -> None:
    """List the bundles, newest first; the champion is marked."""
    from puntual.cli.output.bundles import print_models
    from puntual.registry import Registry

    print_models(Registry(registry).versions(), as_json)


@models.command()
@click.argument("which", metavar="[VERSION|FILE]", required=False, shell_complete=complete_version)
@registry_option
@json_option
def show(which: str | None, registry: str, as_json: bool) -> None:
    """Show the card of a bundle, or with --json its manifest [champion]."""
    from puntual.cli.output.console import print_json
    from puntual.registry import Registry

    bundle = Registry(registry).read(which)
    if as_json:
        print_json(bundle.manifest, version=bundle.version)
    else:
        click.echo(bundle.card)


@models.command()
@click.argument("version", shell_complete=complete_version)
@click.option("--force", is_flag=True, help="Promote past failed checks; the bundle remembers it.")
@registry_option
@json_option
def promote(version: str, force: bool, registry: str, as_json: bool) -> None:
    """Make VERSION the champion, if it passes the numbered checks."""
    from puntual.cli.output.bundles import print_promotion
    from puntual.prediction.loading import load_proven
    from puntual.registry.promotion import promote as make_champion

    stored, now = _trusting(registry), datetime.now(UTC)
    promoted = make_champion(stored, stored.resolve(version), now, try_out=load_proven, force=force)
    print_promotion(promoted, as_json)


@models.command()
@registry_option
def rollback(registry: str) -> None:
    """Make the former champion the champion again."""
    from puntual.cli.output.bundles import NO_PICKLE
    from puntual.cli.output.console import say

    deployed = _trusting(registry).rollback(datetime.now(UTC))
    click.echo(deployed.version)
    if not deployed.pickle_written:
        say(NO_PICKLE)


@models.command()
@versions_argument
@click.option("--to", required=True, help="The registry to copy to, such as s3://bucket/models.")
@all_option
@registry_option
@json_option
def push(versions: tuple[str, ...], to: str, every: bool, registry: str, as_json: bool) -> None:
    """Copy versions of the registry to another one [the champion]."""
    from puntual.cli.output.copies import bars, print_copied
    from puntual.registry import Registry, chosen, push

    stored = Registry(registry)
    with bars() as on_progress:
        copied = push(stored, Registry(to), chosen(stored, versions, every=every), on_progress)
    print_copied(copied, as_json)


@models.command()
@versions_argument
@click.option(
    "--from", "source", required=True, help="The registry to copy from, such as s3://bucket/models."
)
@all_option
@registry_option
@json_option
def pull(versions: tuple[str, ...], source: str, every: bool, registry: str, as_json: bool) -> None:
    """Copy versions of another registry into this one [its champion]."""
    from puntual.cli.output.copies import bars, print_copied
    from puntual.registry import Registry, chosen, pull

    other = Registry(source)
    with bars() as on_progress:
        copied = pull(Registry(registry), other, chosen(other, versions, every=every), on_progress)
    print_copied(copied, as_json)


@models.command()
@click.argument("file", type=click.Path(path_type=Path))
def keygen(file: Path) -> None:
    """Make a key to sign bundles with: the private one goes to FILE, the public one is printed."""
    from puntual.cli.output.console import say
    from puntual.registry.signing import make_key
    from puntual.storage.atomic_write import atomic_write
    from puntual.storage.os_errors import translate_os_errors

    private, public = make_key()
    with translate_os_errors(str(file)), atomic_write(file, mode=0o600, replace=False) as opened:
        opened.write(private)
    say(f"keep {file} safe: whoever has it can sign; trust what is printed by PUNTUAL_TRUSTED_KEYS")
    click.echo(public)


@models.command()
@click.argument("version", shell_complete=complete_version)
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The private key, as PEM.")
@registry_option
def sign(version: str, key: Path, registry: str) -> None:
    """Sign VERSION; its signatures lie beside it in the registry."""
    from puntual.registry import Registry
    from puntual.storage.os_errors import translate_os_errors

    stored = Registry(registry)
    with translate_os_errors(str(key)):
        private = key.read_bytes()
    resolved = stored.resolve(version)
    stored.sign(resolved, private)
    click.echo(f"signed {resolved}")


def _trusting(registry: str) -> "Registry":
    """Open a registry of which only what the keys of the settings signed is promoted."""
    from puntual.registry import Registry, TrustedKeys
    from puntual.settings import read_settings

    return Registry(registry, trusted=TrustedKeys(read_settings(os.environ).trusted_keys))
