"""`puntual settings`."""

import os

import click

from puntual.cli.options import json_option


@click.command()
@json_option
def settings(as_json: bool) -> None:
    """List the settings that the environment holds for the service, with their defaults."""
    from puntual.cli.output.listings import print_settings
    from puntual.settings import listed, read_settings

    print_settings(listed(read_settings(os.environ)), as_json)
