"""Files on their way, and what became of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from puntual.cli.output.console import (
    ReportProgress,
    error_console,
    output_console,
    print_json,
    say,
    table_of,
)
from puntual.storage import Copied


@contextmanager
def bars() -> Iterator[ReportProgress]:
    """Show a bar for each file on standard error; where it is no terminal, a line when one has arrived."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    console = error_console()
    if not console.is_terminal:
        yield _say_arrived
        return
    with Progress(*columns, console=console, transient=False) as shown:
        tasks = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = shown.add_task(escape(name), total=total)
            shown.update(tasks[name], completed=done)

        yield report


def _say_arrived(name: str, done: int, total: int) -> None:
    if done == total:
        say(f"copied {name} ({total:,} bytes)")


def print_copied(copied: Sequence[Copied], as_json: bool) -> None:
    """Print which files were sent, and which were there already."""
    if as_json:
        print_json({"files": copied})
        return
    table = table_of("", "", "file", "bytes", "sha256")
    for one in copied:
        table.add_row("sent" if one.sent else "there", escape(one.name), f"{one.size:,}", one.digest)
    output_console().print(table)
