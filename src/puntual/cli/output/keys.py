"""Keys and settings of the service."""

from collections.abc import Sequence

from rich.markup import escape

from puntual.api.auth.api_keys import ApiKey
from puntual.cli.output.console import output_console, print_json, table_of
from puntual.settings import ListedSetting


def print_keys(keys: Sequence[ApiKey], as_json: bool) -> None:
    """Print the names of the keys and when they were made."""
    if as_json:
        print_json({"keys": [{"name": key.name, "created": key.created.isoformat()} for key in keys]})
        return
    table = table_of("", "name", "made")
    for key in keys:
        table.add_row(escape(key.name), f"{key.created:%Y-%m-%d %H:%M}")
    output_console().print(table)


def print_settings(settings: Sequence[ListedSetting], as_json: bool) -> None:
    """Print the settings, what they are and what they mean."""
    if as_json:
        print_json({"settings": settings})
        return
    table = table_of("", "variable", "value", "default", "meaning")
    for one in settings:
        table.add_row(*(escape(cell) for cell in (one.name, one.value, one.default, one.meaning)))
    output_console().print(table)
