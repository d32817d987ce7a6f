"""`puntual models`."""

from datetime import UTC, datetime

import click

from puntual.cli.options import complete_version, json_option, registry_option

versions_argument = click.argument(
    "versions", metavar="[VERSION]...", nargs=-1, shell_complete=complete_version
)
all_option = click.option("--all", "every", is_flag=True, help="Copy every version.")


@click.group()
def models() -> None:
    """List, show, promote, roll back and copy the bundles of a registry."""


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
    from puntual.registry import Registry
    from puntual.registry.promotion import promote as make_champion

    stored = Registry(registry)
    promoted = make_champion(stored, stored.resolve(version), datetime.now(UTC), force=force)
    print_promotion(promoted, as_json)


@models.command()
@registry_option
def rollback(registry: str) -> None:
    """Make the former champion the champion again."""
    from puntual.cli.output.bundles import NO_PICKLE
    from puntual.cli.output.console import say
    from puntual.registry import Registry

    deployed = Registry(registry).rollback(datetime.now(UTC))
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
    with bars() as report_progress:
        copied = push(stored, Registry(to), chosen(stored, versions, every=every), report_progress)
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
    with bars() as report_progress:
        copied = pull(Registry(registry), other, chosen(other, versions, every=every), report_progress)
    print_copied(copied, as_json)
