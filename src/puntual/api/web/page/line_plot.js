// Lines over time or another measure, drawn by uPlot, which is loaded once a view has some; a table beside them says the same.

import { percent } from "./format.js";

// Whoever changes one of them while a plot stands sees it in other colours.
const MEDIA = ["(prefers-color-scheme: dark)", "print"].map((query) => matchMedia(query));
export const SHARES = { range: [0, 1], splits: [0, 0.5, 1], label: (share) => percent(share) };

let loading = null;

function load() {
  loading ??= Promise.all([import("./uplot/uPlot.esm.js"), loadStyle()]).then(([{ default: uPlot }]) => uPlot);
  return loading;
}

function loadStyle() {
  const link = document.createElement("link");
  const loaded = new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = reject;
  });
  Object.assign(link, { rel: "stylesheet", href: new URL("./uplot/uPlot.min.css", import.meta.url).href });
  document.head.append(link);
  return loaded;
}

// `x` and `y` are `{ values, range, splits, label, time }` and `{ range, splits, label }`, `lines` are `{ values, colour, dash, stepped, isThin }`,
// and `events` are places on x.
class LinePlot extends HTMLElement {
  #plot = null;
  #chart = null;
  #resizes = new ResizeObserver(() => this.#chart?.setSize(this.#size()));
  #redraw = () => this.#draw();

  set plot(plot) {
    this.#plot = plot;
    if (this.isConnected) this.#draw();
  }

  connectedCallback() {
    this.#resizes.observe(this);
    for (const media of MEDIA) media.addEventListener("change", this.#redraw);
    if (this.#plot) this.#draw();
  }

  disconnectedCallback() {
    this.#resizes.disconnect();
    for (const media of MEDIA) media.removeEventListener("change", this.#redraw);
    this.#clear();
  }

  #size = () => ({ width: this.clientWidth, height: this.clientHeight });

  #clear() {
    this.#chart?.destroy();
    this.#chart = null;
  }

  async #draw() {
    // Where it cannot be loaded the table stands alone, and the next change tries again.
    const uPlot = await load().catch(() => (loading = null));
    if (!uPlot || !this.isConnected) return;
    this.#clear();
    const { x, lines, events = [] } = this.#plot;
    this.#chart = new uPlot({ ...this.#size(), ...optionsOf(this.#plot, uPlot) }, [x.values, ...lines.map(({ values }) => values)], this);
    this.#chart.under.append(...events.map((place) => eventLine(place, x.values)));
  }
}

customElements.define("line-plot", LinePlot);

function optionsOf({ x, y, lines }, uPlot) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name);
  const size = Math.round(parseFloat(style.fontSize) * 0.75);
  const axis = ({ splits, label }, space) => ({
    stroke: colour("--quiet"), font: `${size}px system-ui, sans-serif`, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
    ...(splits ? { splits } : {}), values: (_, places) => places.map(label), space,
  });
  return {
    legend: { show: false }, cursor: { show: false }, padding: [size, size * 2, 0, 0],
    scales: { x: { time: Boolean(x.time), range: x.range || [x.values[0], x.values.at(-1)] }, y: { range: y.range } },
    axes: [{ ...axis(x, size * 7), size: size * (x.time ? 3.5 : 2), gap: size * 0.5 }, { ...axis(y, size * 2), size: size * 4 }],
    series: [{}, ...lines.map((line) => ({
      stroke: colour(line.colour), width: line.isThin ? 1 : 2, dash: line.dash, points: { show: !line.isThin, size: 6, fill: colour(line.colour) },
      ...(line.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    }))],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
  };
}

function eventLine(place, values) {
  const line = document.createElement("i");
  line.className = "event";
  const share = (place - values[0]) / (values.at(-1) - values[0] || 1);
  line.style.insetInlineStart = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  return line;
}
