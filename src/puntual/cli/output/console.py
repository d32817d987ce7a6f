"""Where output goes: results to standard output, messages and bars to standard error."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

ReportProgress = Callable[[str, int, int], object]


class _Messages(Console):
    """Where messages go, until whoever reads them is gone."""

    def on_broken_pipe(self) -> None:
        """Go on in silence: what is worked on, and its result, are not for the reader of messages alone."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def say(message: str) -> None:
    """Tell a person something, on standard error."""
    error_console().print(escape(message), soft_wrap=True, highlight=False)


@contextmanager
def progress(what: str, *, lines: bool = False) -> Iterator[ReportProgress]:
    """Show work going on, on standard error, by a bar; where that is no terminal, by `lines` for each step or not."""
    columns = (
        TextColumn("{task.fields[what]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    console = error_console()
    if lines and not console.is_terminal:
        yield lambda step, done, total: say(f"{what}: {step} ({min(done + 1, total):,} of {total:,})")
        return
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", what=what, total=None)

        def report(step: str, done: int, total: int) -> None:
            bar.update(task, description=escape(step), completed=done, total=total)

        yield report


def print_json(value: Any, **more: Any) -> None:
    """Print one JSON object on standard output."""
    document = msgspec.to_builtins(value) | more
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")


def output_console() -> Console:
    """Give the console of results; as wide as the terminal, or 140 columns in a pipe."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 140)


def error_console() -> Console:
    """Give the console of messages."""
    return _Messages(stderr=True)


def table_of(title: str, *headings: str) -> Table:
    """Begin a plain table with these headings."""
    table = Table(title=escape(title) or None, title_justify="left", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left")
    return table
