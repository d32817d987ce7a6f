"""The bundles of a registry and what became of a promotion."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from puntual.cli.output.console import output_console, print_json, say, table_of
from puntual.cli.output.score_tables import value_of, values_of
from puntual.features.states import MAIN
from puntual.registry import ListedBundle, Manifest
from puntual.registry.promotion import Promoted

_HEADINGS = {
    "version": "version",
    "champion": "",
    "made": "made",
    "model": "model",
    "source": "source",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
}
_LEAST_FIRST = ("log_loss", "source", "roc_auc", "made")
NO_PICKLE = "no estimator lies beside this bundle, so model_to_deploy.pkl was not written"


def print_models(versions: Sequence[ListedBundle], as_json: bool) -> None:
    """Print the bundles of a registry."""
    if as_json:
        print_json({"models": [_listed(entry) for entry in versions]})
        return
    console = output_console()
    rows = [_row(entry, entry.manifest) for entry in versions if entry.manifest is not None]
    headings = _fitting(rows, console.width)
    table = table_of("", *(_HEADINGS[heading] for heading in headings))
    # A version is what the other commands are given, and by its name a model is known: neither is cut.
    for heading, column in zip(headings, table.columns, strict=True):
        if heading in ("version", "model"):
            column.min_width = _width(rows, heading)
    for row in rows:
        table.add_row(*(escape(row[heading]) for heading in headings))
    console.print(table)
    for entry in versions:
        if entry.manifest is None:
            mark = "champion, " if entry.champion else ""
            console.print(escape(f"{entry.version}  {mark}broken: {entry.broken}"), highlight=False)


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
        "target": manifest.target.value,
        **values_of(manifest.scores[MAIN.name]),
    }


def _row(entry: ListedBundle, manifest: Manifest) -> dict[str, str]:
    scores = manifest.scores.get(MAIN.name)
    return {
        "version": entry.version,
        "champion": "champion" if entry.champion else "",
        "made": f"{manifest.created:%Y-%m-%d %H:%M}",
        "model": f"{manifest.candidate}:{manifest.treatment}",
        "source": manifest.source,
        "roc_auc": "" if scores is None else value_of(scores.roc_auc),
        "log_loss": "" if scores is None else value_of(scores.log_loss),
    }


def _fitting(rows: Sequence[Mapping[str, str]], width: int) -> list[str]:
    """Leave columns out, the least first, until those that are left stand side by side."""
    headings = list(_HEADINGS)
    for least in _LEAST_FIRST:
        if sum(_width(rows, heading) + 2 for heading in headings) - 2 > width:
            headings.remove(least)
    return headings


def _width(rows: Sequence[Mapping[str, str]], heading: str) -> int:
    return max([len(_HEADINGS[heading]), *(len(row[heading]) for row in rows)])
