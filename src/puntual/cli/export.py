"""`puntual export`."""

from pathlib import Path

import click

from puntual.cli.options import bundle_option, registry_option


@click.command()
@click.option(
    "--mlflow",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder to write an MLflow model to; empty, or not there yet.",
)
@bundle_option
@registry_option
def export(folder: Path, which: str | None, registry: str) -> None:
    """Write a bundle as an MLflow model, which predicts the same numbers."""
    from puntual.prediction.mlflow import export_mlflow
    from puntual.registry import Registry

    click.echo(export_mlflow(Registry(registry).read(which), folder))
