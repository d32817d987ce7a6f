// Scores of a model as tables: of all its test flights, and of each airline, hour and month.

import { html } from "./lit-html/lit-html.js";
import { number, percent } from "./format.js";
import { say } from "./words.js";

const SHOWN = ["roc_auc", "brier", "log_loss", "ece", "precision", "recall"];
const BY_GROUP = ["roc_auc", "brier", "ece"];

// What the sample left undefined is a dash.
export const measure = (one) => (one?.value == null ? "–"
  : `${number(one.value, 3)} [${number(one.low, 3)}; ${number(one.high, 3)}]`);

export const scores = (states) => html`<div class="scroll" tabindex="0"><table class="figures"><thead><tr><td></td>${Object.keys(states).map((state) =>
  html`<th scope="col">${say("score_states")[state] || state}</th>`)}</tr></thead>
  <tbody><tr><th scope="row">${say("tested_on")}</th>${Object.values(states).map(({ flights }) => html`<td>${number(flights)}</td>`)}</tr>
  ${SHOWN.map((name) => html`<tr><th scope="row">${say("measures")[name]}</th>${Object.values(states).map((one) =>
    html`<td>${measure(one[name])}</td>`)}</tr>`)}</tbody></table></div>
  <p class="note">${say("intervals")}</p>`;

export const groups = (by) => Object.entries(by).filter(([, rows]) => rows.length > 1).map(([name, rows]) => html`<details class="group">
  <summary>${say("by_group")[name] || name}</summary><div class="scroll" tabindex="0"><table class="figures"><thead><tr><td></td>
    <th scope="col">${say("tested_on")}</th><th scope="col">${say("were_late")}</th>${BY_GROUP.map((one) =>
      html`<th scope="col">${say("measures")[one]}</th>`)}</tr></thead>
  <tbody>${rows.map((row) => html`<tr><th scope="row">${row.name}</th><td>${number(row.flights)}</td><td>${percent(row.late_rate)}</td>
    ${BY_GROUP.map((one) => html`<td>${measure(row[one])}</td>`)}</tr>`)}</tbody></table></div></details>`);
