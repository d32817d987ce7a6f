"""`puntual sources`."""

import click

from puntual.cli.options import json_option


@click.command()
@json_option
def sources(as_json: bool) -> None:
    """Say which sources there are, what each needs, and which are present."""
    from puntual.cli.output.listings import print_sources
    from puntual.sources import SOURCES

    print_sources(SOURCES, as_json)
