"""`puntual health`."""

import os

import click

from puntual.cli.options import telling_errors


@click.command()
@telling_errors
def health() -> None:
    """Ask the service on PUNTUAL_HOST and PUNTUAL_PORT whether it is ready; the exit status tells."""
    from puntual.api.health_check import ask_ready
    from puntual.settings import read_settings

    click.echo(f"{ask_ready(read_settings(os.environ))} is ready")
