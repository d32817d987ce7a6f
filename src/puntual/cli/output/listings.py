"""What there is: the sources of flights, the keys and the settings of the service."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from puntual.cli.output.console import output_console, print_json, table_of

# For their types alone: whoever lists one of the three may lack what the others need.
if TYPE_CHECKING:
    from puntual.api.auth.api_keys import ApiKey
    from puntual.settings import ListedSetting
    from puntual.sources import Source


def print_sources(sources: "Mapping[str, Source]", as_json: bool) -> None:
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


def print_keys(keys: "Sequence[ApiKey]", as_json: bool) -> None:
    """Print the names of the keys and when they were made."""
    if as_json:
        print_json(
            {
                "keys": [
                    {"name": key.name, "created": key.created.isoformat(), "may": [*key.may]} for key in keys
                ]
            }
        )
        return
    table = table_of("", "name", "made", "may")
    for key in keys:
        table.add_row(escape(key.name), f"{key.created:%Y-%m-%d %H:%M}", ", ".join(key.may))
    output_console().print(table)


def print_settings(settings: "Sequence[ListedSetting]", as_json: bool) -> None:
    """Print the settings, what they are and what they mean."""
    if as_json:
        print_json({"settings": settings})
        return
    table = table_of("", "variable", "value", "default", "meaning")
    for one in settings:
        table.add_row(*(escape(cell) for cell in (one.name, one.value, one.default, one.meaning)))
    output_console().print(table)
