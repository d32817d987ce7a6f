"""What the demo shows: the comparison, the promotion and three predictions."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.markup import escape

from puntual.cli.output.console import output_console
from puntual.cli.output.score_tables import print_comparison
from puntual.flights.flight import BANDS
from puntual.reporting.narrative import summarise
from puntual.reporting.wording import percent

if TYPE_CHECKING:
    from puntual.training.demo import Demo


_BAR = 24


def print_demo(shown: "Demo", reports: Path, registry: str, *, is_left: bool = False) -> None:
    """Print the comparison, the promotion and three predictions with their bands."""
    output = output_console()
    print_comparison(shown.training, output)
    output.print("This was the quick preset: fewer candidates than `puntual train` compares.")
    for sentence in summarise(shown.training):
        output.print(escape(sentence), soft_wrap=True)
    promoted = f"promoted {shown.training.version}" if shown.refused is None else shown.refused
    output.print(escape(promoted), highlight=False, soft_wrap=True)
    for place, flight in enumerate(shown.flights.iter_rows(named=True)):
        _print_flight(flight, shown, place, output)
    output.print(
        f"report  {escape(str(reports / shown.training.version))}.html", highlight=False, soft_wrap=True
    )
    if shown.refused is None:
        _print_next(shown, registry, output)
        if is_left:
            _print_page(shown, output)


def _print_next(shown: "Demo", registry: str, output: Console) -> None:
    """Name the commands that replay the day, serve the champion and ask it about the last of the three flights."""
    place = "" if registry == "models" else f" --registry {shlex.quote(registry)}"
    flight = next(reversed(list(shown.flights.iter_rows(named=True))))
    fields = ("airline", "flight_number", "origin", "destination")
    request = {name: flight[name] for name in fields}
    request["scheduled_departure"] = f"{flight['scheduled_departure']:%Y-%m-%dT%H:%M}"
    # As above, before the day began: the service has been told of what became of it.
    question = {
        "flights": [request],
        "as_of": f"{flight['scheduled_departure']:%Y-%m-%d}T00:00",
        "reasons": True,
    }
    body = msgspec.json.encode(question).decode()
    output.print()
    for line in (
        f"replay  puntual replay --source {shown.training.table.source} --day {request['scheduled_departure'][:10]}"
        f"{place}",
        f"next    puntual serve{place}",
        f"then    curl -s http://127.0.0.1:8000/predict -H 'Content-Type: application/json' -d {shlex.quote(body)}",
    ):
        output.print(escape(line), highlight=False, soft_wrap=True)


def _print_page(shown: "Demo", output: Console) -> None:
    """Say where the page plays the last day again, and that it asks for a key."""
    query = f"view=replay&airport={shown.flights['origin'][0]}&day={shown.day}"
    output.print(
        escape(f"or      http://127.0.0.1:8000/?{query} with a key (puntual keys create NAME)"),
        highlight=False,
        soft_wrap=True,
    )


def _print_flight(flight: dict[str, Any], shown: "Demo", place: int, output: Console) -> None:
    predictions = shown.predictions
    name = "{airline} {flight_number} {origin}-{destination} {scheduled_departure:%Y-%m-%d %H:%M}".format(
        **flight
    )
    p50, p80, p95 = predictions.quantiles[place]
    word = "late" if predictions.late[place] else "on time"
    output.print()
    output.print(
        escape(
            f"{name}: P(late) {percent(predictions.late_probability[place])}, labelled {word}; minutes expected "
            f"{predictions.expected_minutes[place]:.0f}, p50 {p50:.0f}, p80 {p80:.0f}, p95 {p95:.0f}"
        ),
        highlight=False,
        soft_wrap=True,
    )
    for band, share in zip(BANDS, predictions.bands[place], strict=True):
        output.print(f"  {band:<24}{percent(share):>7} {'█' * round(share * _BAR)}", highlight=False)
