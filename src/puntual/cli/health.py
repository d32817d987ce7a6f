"""`puntual health`."""

import os

import click


@click.command()
def health() -> None:
    """Ask the service on PUNTUAL_HOST and PUNTUAL_PORT whether it is ready; the exit status tells."""
    from puntual.api.health_check import ask_ready
    from puntual.settings import read_settings

    click.echo(f"{ask_ready(read_settings(os.environ))} is ready")
