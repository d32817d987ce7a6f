// How far the probabilities of a model can be relied on, and how they get better as a day unfolds: as lines and as tables.

import { html } from "./lit-html/lit-html.js";
import { lengthOf, number, percent } from "./format.js";
import "./line_plot.js";
import { measure } from "./measures.js";
import { say } from "./words.js";

// Of such a share a plot ends at a whole tenth.
const tenth = (share) => Math.min(Math.ceil(share * 10) / 10, 1);

export function reliabilitySection(bins) {
  const most = tenth(Math.max(...bins.map(({ predicted, high }) => Math.max(predicted, high))));
  const axis = { range: [0, most], splits: [0, most / 2, most], label: (share) => percent(share) };
  const edge = (name) => ({ values: bins.map((bin) => bin[name]), colour: "--quiet", isThin: true });
  const plot = {
    x: { ...axis, values: bins.map(({ predicted }) => predicted) }, y: axis,
    lines: [
      { ...edge("predicted"), dash: [6, 4] }, edge("low"), edge("high"),
      { values: bins.map(({ observed }) => observed), colour: "--accent" },
    ],
  };
  return html`<section class="reliability"><h2>${say("reliability")}</h2>
    <line-plot class="square" role="img" aria-label=${say("reliability_plot")} .plot=${plot}></line-plot>
    <ul class="legend" aria-hidden="true"><li><i class="line"></i>${say("were_late")}</li><li><i class="line thin"></i>${say("interval")}</li>
      <li><i class="line dashed"></i>${say("as_predicted")}</li></ul>
    ${table(["predicted", "were_late", "interval", "tested_on"], bins.map(({ predicted, observed, low, high, flights }) =>
    [percent(predicted, 1), percent(observed, 1), say("between", { low: percent(low, 1), high: percent(high, 1) }), number(flights)]))}
    <p class="note">${say("reliability_note")}</p></section>`;
}

export function horizonSection(horizons) {
  const values = horizons.map((_, place) => place);
  const scores = horizons.map(({ scores: { roc_auc: auc } }) => auc?.value ?? null);
  const name = ({ minutes }) => (minutes ? lengthOf(minutes) : say("day_before"));
  const plot = {
    x: { values, splits: () => values, label: (place) => name(horizons[place]) },
    y: { range: [0.5, 1], splits: [0.5, 0.75, 1], label: (value) => number(value, 2) },
    lines: [{ values: scores, colour: "--accent" }],
  };
  return html`<section class="horizons"><h2>${say("day_unfolds")}</h2>
    <line-plot role="img" aria-label=${say("day_unfolds_plot")} .plot=${plot}></line-plot>
    ${table(["before_departure", "tested_on", "gone_by_then", "roc_auc", "brier", "log_loss", "ece"], horizons.map((one) =>
    [name(one), number(one.scores.flights), number(one.gone), measure(one.scores.roc_auc), measure(one.scores.brier),
      measure(one.scores.log_loss), measure(one.scores.ece)]))}
    <p class="note">${say("day_unfolds_note")}</p></section>`;
}

const table = (heads, rows) => html`<div class="scroll" tabindex="0"><table class="figures"><thead><tr>${heads.map((name) =>
  html`<th scope="col">${say("measures")[name] || say(name)}</th>`)}</tr></thead>
  <tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((text) =>
    html`<td>${text}</td>`)}</tr>`)}</tbody></table></div>`;
