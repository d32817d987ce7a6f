"""The charts of a report, each as an inline SVG."""

import math
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from puntual.evaluation import Curve, Measure, ReliabilityBin
from puntual.evaluation.curves import wilson
from puntual.features.states import MAIN
from puntual.registry.card_record import HorizonScore
from puntual.reporting.narrative import label
from puntual.reporting.svg import ACCENT, INK, LATE, MUTED, QUIET, inline
from puntual.reporting.training_result import (
    AblationStep,
    CandidateResult,
    Rate,
    RollingScore,
    Training,
)
from puntual.reporting.wording import count, horizon_title

WIDTH = 9.6
ROW = 0.26
MOST_BARS = 25
FEWEST_FLIGHTS = 30
LONGEST_LABEL = 30
DOT: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 5}
RATE_KINDS = ("hour", "airline", "destination", "month")


def all_figures(training: Training) -> dict[str, str]:
    """Draw every chart that the training has material for, by name."""
    curves = training.curves
    drawn = {
        "comparison": comparison(training.comparison),
        "horizons": horizons(training.horizons) if training.horizons else "",
        "rolling": rolling(training.rolling) if training.rolling else "",
        "ablation": ablation(training.ablation) if training.ablation else "",
        "roc": roc(curves.roc) if curves.roc else "",
        "precision_recall": _precision_recall(training),
        "reliability": reliability(curves.reliability, curves.histogram) if curves.reliability else "",
    }
    late_rate = training.table.late_rate
    named = {f"rates_{kind}": (kind, training.rates.get(kind, ())) for kind in RATE_KINDS}
    bars = {name: rates(kind, groups, late_rate) for name, (kind, groups) in named.items()}
    return {name: svg for name, svg in (drawn | bars).items() if svg}


def comparison(candidates: Sequence[CandidateResult]) -> str:
    """Draw each candidate's log loss, and its gap to the best, with intervals."""
    ordered = sorted(candidates, key=lambda candidate: -candidate.log_loss)
    description = (
        "Log loss of each candidate on the validation flights, and its gap to the best, with 95 % intervals"
    )
    return inline("comparison", description, (WIDTH, 1.1 + ROW * len(ordered)), partial(_comparison, ordered))


def rolling(scores: Sequence[RollingScore]) -> str:
    """Draw ROC AUC, log loss and late rate for each cut-off."""
    description = "ROC AUC, log loss and late rate after each cut-off, with 95 % intervals"
    return inline("rolling", description, (WIDTH, 4.8), partial(_rolling, scores))


def horizons(scores: Sequence[HorizonScore]) -> str:
    """Draw ROC AUC, average precision and log loss as the day unfolds."""
    description = (
        "ROC AUC, average precision and log loss from the day before to departure, with 95 % intervals"
    )
    return inline("horizons", description, (WIDTH, 2.8), partial(_horizons, scores))


def ablation(steps: Sequence[AblationStep]) -> str:
    """Draw ROC AUC and average precision at each step."""
    description = "ROC AUC and average precision at each step from the notebook's model to this one"
    return inline("ablation", description, (WIDTH, 1.0 + 0.42 * len(steps)), partial(_ablation, steps))


def roc(curve: Curve) -> str:
    """Draw recall over the false-alarm rate."""
    description = "ROC curve: recall over the share of punctual flights called late"
    return inline("roc", description, (4.7, 4.2), partial(_roc, curve))


def precision_recall(curve: Curve, late_rate: float) -> str:
    """Draw precision over recall, with the late rate that guessing would reach."""
    description = "Precision over recall; the dashed line is the late rate, which guessing reaches"
    return inline(
        "precision-recall", description, (4.7, 4.2), partial(_precision_over_recall, curve, late_rate)
    )


def reliability(bins: Sequence[ReliabilityBin], histogram: Sequence[int]) -> str:
    """Draw observed late rates over predicted probabilities, above a histogram of these in bins of equal width."""
    description = (
        "Reliability: observed late rate over predicted probability, with 95 % intervals and flight counts"
    )
    return inline("reliability", description, (WIDTH, 5.2), partial(_reliability, bins, histogram))


def rates(kind: str, groups: Sequence[Rate], overall: float) -> str:
    """Draw late rates as bars with flight counts; of airlines and destinations those with most flights.

    Groups of fewer than 30 flights are left out: a late flight more or less would make theirs the longest bar.
    """
    enough = [rate for rate in groups if rate.flights >= FEWEST_FLIGHTS]
    shown = sorted(enough, key=lambda rate: -rate.flights)[:MOST_BARS]
    kept = enough if kind in ("hour", "month") else shown
    if not kept:
        return ""
    description = f"Late rate by {kind}, with the number of flights; the dashed line is the rate of all"
    return inline(f"rates-{kind}", description, (4.7, 1.0 + 0.23 * len(kept)), partial(_rates, kept, overall))


def _precision_recall(training: Training) -> str:
    curve = training.curves.precision_recall
    return precision_recall(curve, training.scores[MAIN.name].late_rate) if curve else ""


def _comparison(candidates: Sequence[CandidateResult], figure: Figure) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    colours = [ACCENT if candidate.chosen else INK if candidate.tied else MUTED for candidate in candidates]
    _dots(left, [candidate.scores.log_loss for candidate in candidates], colours)
    _dots(right, [candidate.gap_to_best for candidate in candidates], colours)
    right.axvline(0, color=MUTED, linewidth=1)
    left.set(title="Log loss with history (lower is better)", ylim=(-0.7, len(candidates) - 0.3))
    right.set(title="Gap to best, mean of states")
    _name_rows(left, [label(candidate) for candidate in candidates])
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(5))


def _rolling(scores: Sequence[RollingScore], figure: Figure) -> None:
    panels = figure.subplots(3, 1, sharex=True)
    names = [f"{score.cut_off:%Y-%m-%d}" for score in scores]
    _line(panels[0], [score.scores.roc_auc for score in scores], "ROC AUC")
    _line(panels[1], [score.scores.log_loss for score in scores], "Log loss")
    panels[2].bar(range(len(scores)), [score.scores.late_rate for score in scores], color=LATE, width=0.5)
    panels[2].set(title="Late rate", xlabel="Trained on the flights before this day, scored on those after")
    _percentages(panels[2].yaxis, 4)
    panels[2].set_ylim(bottom=0)
    panels[2].set_xticks(range(len(scores)), names)


def _horizons(scores: Sequence[HorizonScore], figure: Figure) -> None:
    panels = figure.subplots(1, 3)
    _line(panels[0], [one.scores.roc_auc for one in scores], "ROC AUC")
    _line(panels[1], [one.scores.average_precision for one in scores], "Average precision")
    _line(panels[2], [one.scores.log_loss for one in scores], "Log loss")
    for axes in panels:
        axes.set_xticks(range(len(scores)), [horizon_title(one.minutes) for one in scores])


def _ablation(steps: Sequence[AblationStep], figure: Figure) -> None:
    panels = figure.subplots(1, 2, sharey=True)
    places = range(len(steps) - 1, -1, -1)
    columns: dict[str, Callable[[AblationStep], float]] = {
        "ROC AUC": lambda step: step.roc_auc,
        "Average precision": lambda step: step.average_precision,
    }
    for axes, (title, value) in zip(panels, columns.items(), strict=True):
        values = [value(step) for step in steps]
        axes.plot(values, places, color=ACCENT, marker="o", linewidth=1.2)
        axes.set(title=title)
        axes.margins(x=0.2, y=0.12)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        for x, y in zip(values, places, strict=True):
            axes.annotate(f"{x:.3f}", (x, y), (6, 4), textcoords="offset points", fontsize=8)
    panels[0].set_yticks(list(places), [textwrap.fill(step.step, 36) for step in steps])


def _roc(curve: Curve, figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
    axes.plot(curve.x, curve.y, color=ACCENT)
    axes.set(title="ROC", xlabel="Punctual flights called late", ylabel="Recall: late flights called late")
    _unit_square(axes)


def _precision_over_recall(curve: Curve, late_rate: float, figure: Figure) -> None:
    axes = figure.subplots()
    axes.axhline(late_rate, color=MUTED, linestyle="--", linewidth=1)
    axes.plot(curve.x, curve.y, color=ACCENT)
    axes.set(
        title="Precision and recall",
        xlabel="Recall: late flights called late",
        ylabel="Precision: called late, and late",
    )
    _unit_square(axes)


def _reliability(bins: Sequence[ReliabilityBin], histogram: Sequence[int], figure: Figure) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    predicted, observed = [b.predicted for b in bins], [b.observed for b in bins]
    # Rounding may leave the rate a hair outside its own interval.
    spread = [[max(0, b.observed - b.low) for b in bins], [max(0, b.high - b.observed) for b in bins]]
    edges = [place / len(histogram) for place in range(len(histogram))]
    filled = [edge + 1 / len(histogram) for edge, flights in zip(edges, histogram, strict=True) if flights]
    most = min(1.0, max(1.05 * max(max(predicted), *(b.high for b in bins)), *filled, 0))
    above.plot([0, most], [0, most], color=MUTED, linestyle="--", linewidth=1)
    above.errorbar(predicted, observed, spread, color=ACCENT, elinewidth=1.2, capsize=2, **DOT)
    above.set(title="Reliability", ylabel="Were late", ylim=(0, most), xlim=(0, most))
    below.bar(edges, histogram, width=0.9 / max(1, len(histogram)), align="edge", color=QUIET)
    below.set(ylabel="Flights", xlabel="Predicted probability of being late")
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    below.yaxis.set_major_formatter(FuncFormatter(lambda flights, _: f"{flights:,.0f}"))
    _percentages(above.xaxis, 10)
    _percentages(above.yaxis, 8)


def _rates(shown: Sequence[Rate], overall: float, figure: Figure) -> None:
    axes = figure.subplots()
    places = range(len(shown) - 1, -1, -1)
    spread = [wilson(rate.late_rate * rate.flights, rate.flights) for rate in shown]
    axes.barh(places, [rate.late_rate for rate in shown], color=LATE, height=0.72)
    axes.hlines(places, [low for low, _ in spread], [high for _, high in spread], color=MUTED, linewidth=1)
    axes.axvline(overall, color=INK, linestyle="--", linewidth=1)
    for place, rate in zip(places, shown, strict=True):
        edge = axes.get_yaxis_transform()
        axes.text(1, place, count(rate.flights), ha="right", va="center", fontsize=8, transform=edge)
    axes.set_yticks(list(places), [_shorten(rate.name) for rate in shown])
    most = max([overall, *(high for _, high in spread)])
    # Room for the counts at the right edge.
    axes.set(xlim=(0, 1.3 * most or 1), ylim=(-0.6, len(shown) - 0.4))
    _percentages(axes.xaxis, 5, most=1.0)
    axes.yaxis.grid(False)


def _percentages(axis: Axis, ticks: int, most: float = math.inf) -> None:
    """Mark an axis of shares at round percentages, each written in full; none above `most`."""
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(
        FuncFormatter(lambda share, _: f"{round(100 * share, 6):g} %" if share <= most else "")
    )


def _dots(axes: Axes, measures: Sequence[Measure], colours: Sequence[str]) -> None:
    for place, (measure, colour) in enumerate(zip(measures, colours, strict=True)):
        axes.plot([measure.low, measure.high], [place, place], color=colour, linewidth=1.4)
        axes.plot(measure.value, place, color=colour, **DOT)


def _line(axes: Axes, measures: Sequence[Measure | None], title: str) -> None:
    known = [(place, measure) for place, measure in enumerate(measures) if measure is not None]
    axes.plot(
        [place for place, _ in known], [measure.value for _, measure in known], color=ACCENT, marker="o"
    )
    for place, measure in known:
        axes.plot([place, place], [measure.low, measure.high], color=ACCENT, linewidth=1.2)
    axes.set(title=title)
    axes.margins(x=0.08, y=0.15)
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [_shorten(name) for name in names])


def _unit_square(axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for axis in (axes.xaxis, axes.yaxis):
        _percentages(axis, 5)


def _shorten(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"
