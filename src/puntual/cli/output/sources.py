"""What sources there are."""

from collections.abc import Mapping

from rich.markup import escape

from puntual.cli.output.console import output_console, print_json, table_of
from puntual.sources import Source


def print_sources(sources: Mapping[str, Source], as_json: bool) -> None:
    """Print what sources there are, what each needs and whether it is present."""
    rows = [
        {
            "source": name,
            "what": one.what,
            "needs": one.needs,
            "where": one.where,
            "present": one.is_present(),
        }
        for name, one in sources.items()
    ]
    if as_json:
        print_json({"sources": rows})
        return
    table = table_of("", "source", "present", "what it is", "what it needs", "where it looks")
    for row in rows:
        present = "yes" if row["present"] else "no"
        table.add_row(
            *(escape(str(cell)) for cell in (row["source"], present, row["what"], row["needs"], row["where"]))
        )
    output_console().print(table)
