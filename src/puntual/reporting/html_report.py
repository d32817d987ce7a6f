"""The report of a training: one HTML file for people, with nothing to fetch from elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined

from puntual.features.states import MAIN
from puntual.reporting import wording
from puntual.reporting.figures import MOST_BARS, all_figures
from puntual.reporting.narrative import CONDITION_TITLES, TREATMENTS, label, leak, verdict
from puntual.reporting.training_result import Training

__all__ = ["render_report", "write_report"]

Found = TypeVar("Found")
STRONGEST = 15
FILTERS = ("count", "fixed", "interval", "late_rule", "percent", "signed", "size")
SPLITS = {"time": "By time", "stratified": "Stratified"}
GROUPS = {"airline": "By airline", "month": "By month", "hour": "By hour"}


def write_report(training: Training, path: Path) -> None:
    """Write the report of a training to an HTML file, and make its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(training), encoding="utf-8")


def render_report(training: Training) -> str:
    """Give the report of a training as one HTML page; the same training always gives the same page."""
    ranked = sorted(training.feature_auc.items(), key=lambda pair: (-pair[1], pair[0]))
    return (
        _environment()
        .get_template("template.html")
        .render(
            training=training,
            candidates=sorted(training.comparison, key=lambda one: one.scores.log_loss.value),
            figures=all_figures(training),
            verdict=verdict(training),
            leak=leak(training),
            features=ranked[:STRONGEST],
            most_bars=MOST_BARS,
            treatments=TREATMENTS,
            states=_present(CONDITION_TITLES, training.scores),
            splits=_present(SPLITS, training.by_split),
            groups=_present(GROUPS, training.scores[MAIN.name].by),
        )
    )


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


def _present(titles: dict[str, str], found: Mapping[str, Found]) -> list[tuple[str, Found]]:
    """Put what was found under its titles, in the order of these; kinds without a title come last."""
    ordered = [name for name in titles if name in found] + [name for name in found if name not in titles]
    return [(titles.get(name, name), found[name]) for name in ordered]
