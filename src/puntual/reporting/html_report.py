"""The report of a training: one HTML file for people, with nothing to fetch from elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined

from puntual.features.states import MAIN
from puntual.reporting import wording
from puntual.reporting.figures import FEWEST_FLIGHTS, MOST_BARS, all_figures
from puntual.reporting.narrative import (
    CONDITION_TITLES,
    TREATMENTS,
    answered_by,
    label,
    leak,
    reproduction,
    summarise,
)
from puntual.reporting.training_result import Training

__all__ = ["render_report", "write_report"]

Shown = TypeVar("Shown")
STRONGEST = 15
FILTERS = ("count", "fixed", "horizon_title", "interval", "late_means", "percent", "signed", "size")
SPLITS = {"time": "By time", "stratified": "Stratified"}
GROUPS = {"airline": "By airline", "month": "By month", "hour": "By hour"}
TITLES = {
    "comparison": "The candidates compared",
    "splits": "By time and stratified, side by side",
    "states": "Three states of knowledge",
    "horizons": "As the day unfolds",
    "rolling": "One cut-off after another",
    "ablation": "From a simple model to this one",
    "curves": "Curves and calibration",
    "rates": "Where and when flights are late",
    "groups": "Scores by group",
    "data": "The data, and what was left out",
    "gate": "The gate",
    "model": "Features, parameters, agreement",
}


def write_report(training: Training, path: Path) -> None:
    """Write the report of a training to an HTML file, and make its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(training), encoding="utf-8")


def render_report(training: Training) -> str:
    """Give the report of a training as one HTML page; the same training always gives the same page."""
    ranked = sorted(training.feature_auc.items(), key=lambda pair: (-pair[1], pair[0]))
    figures = all_figures(training)
    sections = _sections(training, figures)
    return (
        _environment()
        .get_template("template.html")
        .render(
            training=training,
            sections=sections,
            numbers={name: place for place, name in enumerate(sections, 1)},
            candidates=sorted(training.comparison, key=lambda one: one.log_loss),
            figures=figures,
            summary=(*summarise(training), *([] if "splits" in sections else leak(training))),
            leak=leak(training),
            features=ranked[:STRONGEST],
            most_bars=MOST_BARS,
            fewest_flights=FEWEST_FLIGHTS,
            treatments=TREATMENTS,
            states=_titled(CONDITION_TITLES, training.scores),
            horizons=[(wording.horizon_title(one.minutes), one.scores) for one in training.horizons],
            mixtures=answered_by(training),
            splits=_titled(SPLITS, training.by_split),
            groups=_titled(GROUPS, training.scores[MAIN.name].by),
            reproduction=reproduction(training),
        )
    )


def _sections(training: Training, figures: Mapping[str, str]) -> dict[str, str]:
    """Give the titles of the sections that have something to show, in order."""
    shown = {
        "splits": len(training.by_split) > 1,
        "horizons": bool(training.horizons),
        "rolling": bool(training.rolling),
        "ablation": bool(training.ablation),
        "curves": bool(figures.keys() & {"roc", "precision_recall", "reliability"}),
        "rates": any(name.startswith("rates_") for name in figures),
        "groups": bool(training.scores[MAIN.name].by),
        "gate": bool(training.findings),
    }
    return {name: title for name, title in TITLES.items() if shown.get(name, True)}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("puntual.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(wording, name) for name in FILTERS}
    environment.filters["label"] = label
    environment.globals["period"] = wording.period
    return environment


def _titled(titles: dict[str, str], values: Mapping[str, Shown]) -> list[tuple[str, Shown]]:
    """Put values under their titles, in the order of these; kinds without a title come last."""
    ordered = [name for name in titles if name in values] + [name for name in values if name not in titles]
    return [(titles.get(name, name), values[name]) for name in ordered]
