"""Scores of bundles and the comparison of candidates, as tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from puntual.cli.output.console import output_console, table_of
from puntual.evaluation import Evaluation, Measure
from puntual.features.states import MAIN
from puntual.flights.flight import Target
from puntual.registry import Bundle
from puntual.reporting.narrative import CONDITION_TITLES, summarise
from puntual.reporting.wording import fixed, interval, measured, percent

if TYPE_CHECKING:
    from puntual.reporting.training_result import Training
    from puntual.training.bundle_scores import Scored


HORIZON_TITLES = {"day": "day before"}
FLAT = (
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


def plain_scores(bundle: Bundle, scored: "Scored") -> dict[str, Any]:
    """Give the scores as plain numbers, with intervals and the other states of knowledge beside them."""
    full = scored.states[MAIN.name]
    return {
        "bundle": bundle.version,
        "target": bundle.manifest.target.value,
        **_plain(bundle, full),
        "states": {state: values_of(scores) for state, scores in scored.states.items()},
        "trained_on": scored.trained_on,
        **({"horizons": _plain_horizons(bundle, scored)} if scored.horizons else {}),
    }


def _plain_horizons(bundle: Bundle, scored: "Scored") -> dict[str, Any]:
    return {
        name: {**_plain(bundle, scores), "gone": scored.gone[name]}
        for name, scores in scored.horizons.items()
    }


def _plain(bundle: Bundle, scores: Evaluation) -> dict[str, Any]:
    return {
        "flights": scores.flights,
        "late_rate": scores.late_rate,
        **values_of(scores),
        "threshold": scores.threshold,
        "threshold_rule": bundle.manifest.threshold_rule,
        "intervals": {name: _ends(getattr(scores, name)) for name in FLAT},
    }


def print_scores(bundle: Bundle, scored: "Scored") -> None:
    """Print the scores of a bundle in each state of knowledge."""
    full = scored.states[MAIN.name]
    late = "late on arrival" if bundle.manifest.target is Target.ARRIVAL else "late"
    flights = f"{full.flights:,} flights, {percent(full.late_rate)} {late}"
    title = f"{bundle.version}: {flights}, threshold {full.threshold:.3f} ({bundle.manifest.threshold_rule})"
    table = table_of(title, "measure", *(CONDITION_TITLES.get(state, state) for state in scored.states))
    for name in FLAT:
        first = measured(getattr(full, name))
        rest = (
            value_of(getattr(scores, name)) for state, scores in scored.states.items() if state != MAIN.name
        )
        table.add_row(name.replace("_", " "), first, *rest)
    output_console().print(table)
    if scored.horizons:
        _print_horizons(scored)


def _print_horizons(scored: "Scored") -> None:
    names = (HORIZON_TITLES.get(name, f"{name} min") for name in scored.horizons)
    table = table_of("as the day unfolds", "measure", *names)
    for measure in FLAT:
        values = (measured(getattr(scores, measure)) for scores in scored.horizons.values())
        table.add_row(measure.replace("_", " "), *values)
    table.add_row("flights", *(f"{scores.flights:,}" for scores in scored.horizons.values()))
    table.add_row("gone by then", *(f"{gone:,}" for gone in scored.gone.values()))
    output_console().print(table)


def print_training(training: "Training", reports: Path, registry: str) -> None:
    """Print the comparison, what was left out, the gate's word and what to do next."""
    output = output_console()
    print_comparison(training, output)
    for sentence in summarise(training):
        output.print(escape(sentence), soft_wrap=True)
    _print_left_out(training, output)
    failed = [finding for finding in training.findings if not finding.passed]
    for finding in failed:
        output.print(escape(finding.sentence), soft_wrap=True)
    output.print(f"bundle  {training.version}", highlight=False)
    output.print(f"report  {escape(str(reports / training.version))}.html", highlight=False, soft_wrap=True)
    if not failed:
        output.print(
            f"next    puntual models promote {training.version} --registry {escape(registry)}",
            highlight=False,
        )


def print_comparison(training: "Training", output: Console) -> None:
    """Print the candidates, the chosen one marked."""
    flights = f"{training.table.flights:,} flights of {training.table.source}, {percent(training.table.late_rate)} late"
    title = f"{flights}; scores on {training.split.validation_rows:,} validation flights"
    table = table_of(
        title,
        "",
        "candidate",
        "log loss",
        "gap to best",
        "ROC AUC",
        "AP",
        "ECE",
        "F1",
        "fit s",
        "branches",
        "µs a flight",
    )
    for entry in training.comparison:
        scores = entry.scores
        table.add_row(
            "chosen" if entry.chosen else "tied" if entry.tied else "",
            f"{entry.name}:{entry.treatment}",
            fixed(entry.log_loss, 4),
            f"{fixed(entry.gap_to_best.value, 4)} {interval(entry.gap_to_best, 4)}",
            *(
                value_of(measure)
                for measure in (scores.roc_auc, scores.average_precision, scores.ece, scores.f1)
            ),
            f"{entry.fit_seconds:.1f}",
            f"{entry.branches:,}",
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


def value_of(measure: Measure | None) -> str:
    """Write a measure without its interval."""
    return fixed(None if measure is None else measure.value)


def values_of(scores: Evaluation) -> dict[str, float | None]:
    """Give the measures as plain numbers."""
    measures = {name: getattr(scores, name) for name in FLAT}
    return {name: None if measure is None else measure.value for name, measure in measures.items()}


def _ends(measure: Measure | None) -> tuple[float, float] | None:
    return None if measure is None else (measure.low, measure.high)
