"""`puntual map`."""

from pathlib import Path

import click

from puntual.cli.options import place


@click.command("map")
@click.argument("file", type=place)
@click.option("-o", "--output", default="-", show_default=True, help="The map to write; - prints.")
def map_command(file: Path | str, output: str) -> None:
    """Draft the map of the table FILE by its names and values, and mark what is unsure.

    Read it, correct it, and train with --source table --data FILE --map OUTPUT.
    """
    from puntual.cli.output.console import say
    from puntual.sources.map_draft import draft_map
    from puntual.storage.atomic_write import atomic_write

    draft = draft_map(file)
    if output == "-":
        click.echo(draft.text(), nl=False)
    elif Path(output).exists():
        raise click.ClickException(f"{output}: it is there already; name another file, or move it away")
    else:
        with atomic_write(Path(output)) as written:
            written.write(draft.text().encode())
    lines = "1 line is" if draft.unsure == 1 else f"{draft.unsure} lines are"
    say(f"{lines} marked as unsure: look at them before you train")
