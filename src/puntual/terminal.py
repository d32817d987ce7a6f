"""What people see in a terminal: tables, bars of progress and messages; plain JSON where a program reads."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from puntual.bundle import Bundle
from puntual.evaluate import Evaluation, Measure
from puntual.flights import BANDS
from puntual.promotion import Promoted
from puntual.registry import Listed
from puntual.scoring import Scored
from puntual.sources import Source
from puntual.verdict import STATES, verdict
from puntual.wording import fixed, interval, measured, percent

if TYPE_CHECKING:
    from puntual.demo import Demo
    from puntual.record import Training

_FLAT = (
    "roc_auc",
    "average_precision",
    "brier",
    "brier_skill",
    "log_loss",
    "ece",
    "precision",
    "recall",
    "f1",
    "lift",
)
_BAR = 24
Told = Callable[[str, int, int], object]


def say(message: str) -> None:
    """Tell a person something, on standard error."""
    _errors().print(escape(message), soft_wrap=True, highlight=False)


@contextmanager
def progress(what: str) -> Iterator[Told]:
    """Show a bar on standard error while work goes on; nothing where it is no terminal."""
    columns = (
        TextColumn("{task.fields[what]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    console = _errors()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", what=what, total=None)

        def told(step: str, done: int, total: int) -> None:
            bar.update(task, description=escape(step), completed=done, total=total)

        yield told


def print_json(value: Any, **more: Any) -> None:
    """Print one JSON object on standard output."""
    found = msgspec.to_builtins(value) | more
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


def plain_scores(bundle: Bundle, scored: Scored) -> dict[str, Any]:
    """Give the scores as plain numbers, with intervals and the other states of knowledge beside them."""
    full = scored.states["full"]
    return {
        "bundle": bundle.version,
        "flights": full.flights,
        "late_rate": full.late_rate,
        **_values(full),
        "threshold": full.threshold,
        "intervals": {name: _ends(getattr(full, name)) for name in _FLAT},
        "states": {state: _values(found) for state, found in scored.states.items()},
        "trained_on": scored.trained_on,
    }


def print_scores(bundle: Bundle, scored: Scored) -> None:
    """Print the scores of a bundle in each state of knowledge."""
    full = scored.states["full"]
    flights = f"{full.flights:,} flights, {percent(full.late_rate)} late"
    title = f"{bundle.version}: {flights}, threshold {full.threshold:.3f}"
    table = _table(title, "measure", *(STATES.get(state, state) for state in scored.states))
    for name in _FLAT:
        first = measured(getattr(full, name))
        rest = (_value(getattr(found, name)) for state, found in scored.states.items() if state != "full")
        table.add_row(name.replace("_", " "), first, *rest)
    _output().print(table)


def print_training(training: "Training", reports: Path, registry: str) -> None:
    """Print the comparison, what was left out, the gate's word and what to do next."""
    output = _output()
    _print_comparison(training, output)
    for sentence in verdict(training):
        output.print(escape(sentence), soft_wrap=True)
    _print_left_out(training, output)
    failed = [finding for finding in training.findings if not finding.passed]
    for finding in failed:
        output.print(escape(f"check {finding.number}, {finding.name}: {finding.reason}"), soft_wrap=True)
    output.print(f"bundle  {training.version}", highlight=False)
    output.print(f"report  {escape(str(reports / training.version))}.html", highlight=False, soft_wrap=True)
    if not failed:
        output.print(
            f"next    puntual promote {training.version} --registry {escape(registry)}", highlight=False
        )


def print_demo(shown: "Demo", reports: Path) -> None:
    """Print the comparison, the promotion and three predictions with their bands."""
    output = _output()
    _print_comparison(shown.training, output)
    output.print("This was the quick preset: fewer candidates than `puntual train` compares.")
    for sentence in verdict(shown.training):
        output.print(escape(sentence), soft_wrap=True)
    promoted = f"promoted {shown.training.version}" if shown.refused is None else shown.refused
    output.print(escape(promoted), highlight=False, soft_wrap=True)
    for place, flight in enumerate(shown.flights.iter_rows(named=True)):
        _print_flight(flight, shown, place, output)
    output.print(
        f"report  {escape(str(reports / shown.training.version))}.html", highlight=False, soft_wrap=True
    )


def print_models(versions: Sequence[Listed], as_json: bool) -> None:
    """Print the bundles of a registry."""
    if as_json:
        print_json({"models": [_listed(entry) for entry in versions]})
        return
    table = _table("", "", "version", "made", "model", "source", "ROC AUC", "log loss")
    for entry in versions:
        table.add_row("champion" if entry.champion else "", entry.version, *_summary(entry))
    _output().print(table)


def print_promotion(promoted: Promoted, as_json: bool) -> None:
    """Print what the gate said and which version is deployed."""
    if as_json:
        print_json(promoted)
        return
    output = _output()
    if promoted.already:
        output.print(f"{promoted.version} is the champion already", highlight=False)
        return
    for finding in promoted.findings:
        word = "passed" if finding.passed else "FAILED"
        output.print(escape(f"{finding.number} {word:6} {finding.name}: {finding.reason}"), soft_wrap=True)
    forced = ", forced past failed checks" if promoted.forced else ""
    output.print(f"promoted {promoted.version}{forced}", highlight=False)
    if not promoted.pickle_written:
        say("no estimator lies beside this bundle, so model_to_deploy.pkl was not written")


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
    table = _table("", "source", "present", "what it is", "what it needs", "where it looks")
    for row in rows:
        present = "yes" if row["present"] else "no"
        table.add_row(
            *(escape(str(cell)) for cell in (row["source"], present, row["what"], row["needs"], row["where"]))
        )
    _output().print(table)


def _output() -> Console:
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 140)


def _errors() -> Console:
    return Console(stderr=True)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=escape(title) or None, title_justify="left", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left")
    return table


def _print_comparison(training: "Training", output: Console) -> None:
    title = f"{training.table.flights:,} flights of {training.table.source}, {percent(training.table.late_rate)} late"
    table = _table(
        title,
        "",
        "candidate",
        "log loss",
        "behind",
        "ROC AUC",
        "AP",
        "ECE",
        "F1",
        "fit s",
        "trees",
        "µs a flight",
    )
    for entry in training.comparison:
        scores = entry.scores
        table.add_row(
            "chosen" if entry.chosen else "tied" if entry.tied else "",
            f"{entry.name}:{entry.treatment}",
            fixed(entry.log_loss, 4),
            f"{fixed(entry.behind.value, 4)} {interval(entry.behind, 4)}",
            *(
                _value(measure)
                for measure in (scores.roc_auc, scores.average_precision, scores.ece, scores.f1)
            ),
            f"{entry.fit_seconds:.1f}",
            f"{entry.trees:,}",
            f"{entry.microseconds:.1f}",
        )
    output.print(table)


def _print_left_out(training: "Training", output: Console) -> None:
    for gone in training.table.omitted:
        output.print(
            escape(f"left out: {gone.count:,} ({gone.reason}; first: {gone.example})"), soft_wrap=True
        )
    for note in training.table.notes:
        output.print(escape(f"noted: {note}"), soft_wrap=True)


def _print_flight(flight: dict[str, Any], shown: "Demo", place: int, output: Console) -> None:
    said = shown.predictions
    name = "{airline} {flight_number} {origin}-{destination} {scheduled_departure:%Y-%m-%d %H:%M}".format(
        **flight
    )
    p50, p80, p95 = said.quantiles[place]
    word = "late" if said.late[place] else "on time"
    output.print()
    output.print(
        escape(
            f"{name}: P(late) {percent(said.p_late[place])}, labelled {word}; minutes expected "
            f"{said.expected_minutes[place]:.0f}, p50 {p50:.0f}, p80 {p80:.0f}, p95 {p95:.0f}"
        ),
        highlight=False,
        soft_wrap=True,
    )
    for band, share in zip(BANDS, said.bands[place], strict=True):
        output.print(f"  {band:<24}{percent(share):>7} {'█' * round(share * _BAR)}", highlight=False)


def _value(measure: Measure | None) -> str:
    return fixed(None if measure is None else measure.value)


def _values(scores: Evaluation) -> dict[str, float | None]:
    measures = {name: getattr(scores, name) for name in _FLAT}
    return {name: None if measure is None else measure.value for name, measure in measures.items()}


def _ends(measure: Measure | None) -> tuple[float, float] | None:
    return None if measure is None else (measure.low, measure.high)


def _listed(entry: Listed) -> dict[str, Any]:
    found = {"version": entry.version, "champion": entry.champion, "broken": entry.broken}
    if entry.manifest is None:
        return found
    manifest = entry.manifest
    return found | {
        "created": manifest.created.isoformat(),
        "candidate": manifest.candidate,
        "treatment": manifest.treatment,
        "source": manifest.source,
        **_values(manifest.scores["full"]),
    }


def _summary(entry: Listed) -> tuple[str, ...]:
    if entry.manifest is None:
        return ("", escape(f"broken: {entry.broken}"))
    manifest = entry.manifest
    scores = manifest.scores.get("full")
    rest = ("", "") if scores is None else (_value(scores.roc_auc), _value(scores.log_loss))
    made = f"{manifest.created:%Y-%m-%d %H:%M}"
    return made, f"{manifest.candidate}:{manifest.treatment}", escape(manifest.source), *rest
