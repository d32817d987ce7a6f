"""A matplotlib figure as an inline SVG: the same bytes each time, in the colours of the page around it."""

import html
import io
import re
import warnings
from collections.abc import Callable

from matplotlib import style
from matplotlib.figure import Figure

# Stand-ins, each replaced by a colour of the page, so that a chart follows it into the dark.
INK, MUTED, GRID, ACCENT, LATE, QUIET = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
PAGE_COLOURS = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    ACCENT: "var(--accent)",
    LATE: "var(--late)",
    QUIET: "var(--quiet)",
}
STYLE = {
    "svg.hashsalt": "puntual",
    # Text stays text: it can be searched, and the page chooses its font.
    "svg.fonttype": "none",
    # An airline may have a dollar in its name; that is no formula.
    "text.parse_math": False,
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
UNDATED = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def inline(name: str, label: str, size: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    """Draw a figure of so many inches; `name` keeps its ids apart from other charts', `label` is read aloud."""
    with style.context(STYLE, after_reset=True), warnings.catch_warnings():
        # The reader's browser has the letters that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=UNDATED)
    return _for_page(buffer.getvalue(), name, label)


def _for_page(svg: str, name: str, label: str) -> str:
    element = svg[svg.index("<svg") :]
    tagged = re.sub(r"<[^>]+>", lambda tag: _own_ids(tag[0], name), element)
    coloured = re.sub("|".join(PAGE_COLOURS), lambda colour: PAGE_COLOURS[colour[0]], tagged)
    return coloured.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


def _own_ids(tag: str, name: str) -> str:
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", tag)
