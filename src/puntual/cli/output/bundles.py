"""The bundles of a registry and what became of a promotion."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from puntual.cli.output.console import output_console, print_json, say, table_of
from puntual.cli.output.score_tables import value_of, values_of
from puntual.features.states import MAIN
from puntual.registry import ListedBundle
from puntual.registry.promotion import Promoted

VERSION_WIDTH = 16
NO_PICKLE = "no estimator lies beside this bundle, so model_to_deploy.pkl was not written"


def print_models(versions: Sequence[ListedBundle], as_json: bool) -> None:
    """Print the bundles of a registry."""
    if as_json:
        print_json({"models": [_listed(entry) for entry in versions]})
        return
    table = table_of("", "version", "", "made", "model", "source", "ROC AUC", "log loss")
    # A version is what the other commands are given: it is never cut.
    table.columns[0].no_wrap, table.columns[0].min_width = True, VERSION_WIDTH
    for entry in versions:
        table.add_row(entry.version, "champion" if entry.champion else "", *_summary(entry))
    output_console().print(table)


def print_promotion(promoted: Promoted, as_json: bool) -> None:
    """Print the findings of the gate and which version is deployed."""
    if as_json:
        print_json(promoted)
        return
    output = output_console()
    if promoted.already:
        output.print(f"{promoted.version} is the champion already", highlight=False)
        return
    for finding in promoted.findings:
        output.print(escape(finding.sentence), soft_wrap=True)
    forced = ", forced past failed checks" if promoted.forced else ""
    output.print(f"promoted {promoted.version}{forced}", highlight=False)
    if not promoted.pickle_written:
        say(NO_PICKLE)


def _listed(entry: ListedBundle) -> dict[str, Any]:
    listed = {"version": entry.version, "champion": entry.champion, "broken": entry.broken}
    if entry.manifest is None:
        return listed
    manifest = entry.manifest
    return listed | {
        "created": manifest.created.isoformat(),
        "candidate": manifest.candidate,
        "treatment": manifest.treatment,
        "source": manifest.source,
        **values_of(manifest.scores[MAIN.name]),
    }


def _summary(entry: ListedBundle) -> tuple[str, ...]:
    if entry.manifest is None:
        return ("", escape(f"broken: {entry.broken}"))
    manifest = entry.manifest
    scores = manifest.scores.get(MAIN.name)
    rest = ("", "") if scores is None else (value_of(scores.roc_auc), value_of(scores.log_loss))
    made = f"{manifest.created:%Y-%m-%d %H:%M}"
    return made, f"{manifest.candidate}:{manifest.treatment}", escape(manifest.source), *rest
