"""What sources there are."""

from collections.abc import Mapping

from rich.markup import escape

from puntual.cli.output.console import output_console, print_json, say, table_of
from puntual.sources import FlightTable, Source


def say_reading(table: FlightTable) -> None:
    """Tell a person, on standard error, what was left out of a table and what is noted of it."""
    for gone in table.left_out:
        say(f"left out: {gone.count:,} ({gone.reason}; first: {gone.example})")
    for note in table.notes:
        say(note)


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
