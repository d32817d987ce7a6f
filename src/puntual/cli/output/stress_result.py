"""The outcome of a stress test, for people."""

from pathlib import Path

from rich.markup import escape

from puntual.cli.output.console import output_console, say, table_of
from puntual.reporting.wording import count, fixed
from puntual.stress import RivalResult, StressResult
from puntual.stress.summary import sentences


def print_stress_result(result: StressResult, report: Path) -> None:
    """Print the load-test results beside those of the rivals, and whether the bar was met."""
    console = output_console()
    table = table_of(
        "", "server", "requests", "errors", "requests/s", "p50 ms", "p95 ms", "p99 ms", "ours is"
    )
    rows: list[tuple[str, StressResult | RivalResult, str]] = [("puntual", result, "")]
    rows += [(one.name, one, f"{fixed(one.ratio, 2)} times") for one in result.compared]
    for name, one, ratio in rows:
        latency = (fixed(one.p50_ms, 1), fixed(one.p95_ms, 1), fixed(one.p99_ms, 1))
        table.add_row(
            escape(name),
            count(one.requests),
            count(one.errors),
            fixed(one.requests_per_second, 0),
            *latency,
            ratio,
        )
    console.print(table)
    console.print()
    for line in sentences(result):
        console.print(escape(line), highlight=False, soft_wrap=True)
    for note in result.notes:
        say(note)
    say(f"report  {report}")
