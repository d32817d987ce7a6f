"""The report of a stress test: one HTML file with the plot of latencies, and nothing to fetch from elsewhere."""

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from puntual.reporting import wording
from puntual.reporting.svg import ACCENT, LATE, QUIET, inline
from puntual.stress.results import StressResult
from puntual.stress.summary import sentences

_SIZE = (9.6, 4.2)
_COLOURS = (ACCENT, QUIET, LATE)
Bins = Sequence[tuple[int, int]]


def write_stress_report(result: StressResult, path: Path) -> None:
    """Write the report to an HTML file, and make its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_stress_report(result), encoding="utf-8")


def render_stress_report(result: StressResult) -> str:
    """Give the report as one HTML page."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("puntual.stress", "."), PackageLoader("puntual.reporting", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(wording, name) for name in ("count", "fixed")}
    page = environment.get_template("stress.html")
    return page.render(result=result, sentences=sentences(result), latency=latency_figure(result))


def latency_figure(result: StressResult) -> str:
    """Draw which share of the responses came within which time, for each server."""
    servers = [("puntual", result.latency), *((one.name, one.latency) for one in result.compared)]
    drawn = [(name, bins) for name, bins in servers if bins]
    caption = "Share of responses that came within a time, for each server"
    return inline("latency", caption, _SIZE, partial(_draw, drawn)) if drawn else ""


def _draw(servers: Sequence[tuple[str, Bins]], figure: Figure) -> None:
    axes = figure.add_subplot()
    for (name, bins), colour in zip(servers, _COLOURS, strict=False):
        ordered = sorted(bins)
        total = sum(count for _, count in ordered)
        slower = [1 - reached / total for reached in accumulate(count for _, count in ordered)]
        milliseconds = [microseconds / 1000 for microseconds, _ in ordered]
        # The slowest response has none behind it, and a logarithm no zero.
        axes.plot(milliseconds[:-1], slower[:-1], color=colour, label=name, drawstyle="steps-post")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_yticks([1, 0.5, 0.1, 0.01, 0.001], ["all", "50 %", "10 %", "1 %", "0.1 %"])
    axes.set_ylim(5e-4, 1.1)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("milliseconds")
    axes.set_title("Share of responses that took longer")
    axes.legend()
