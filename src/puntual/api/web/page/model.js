// The model that answers: how good it is, by its own card, and which others there are.

import { html, nothing } from "./lit-html/lit-html.js";
import { number } from "./format.js";
import { markdown } from "./markdown.js";
import { read } from "./service.js";
import { say } from "./words.js";

const SHOWN = ["roc_auc", "brier", "log_loss", "ece", "precision", "recall"];

export function createModel(shell) {
  let champion = null;
  let versions = [];

  async function refresh() {
    try {
      champion = await read("/models/champion");
      shell.succeed();
      versions = await read("/models");
      shell.update();
    } catch (error) {
      shell.fail(error);
    }
  }

  return {
    name: "model",
    get title() {
      return say("model");
    },
    open: refresh,
    close() {},
    refresh,
    template: () => html`<h1>${say("model")}</h1>
      ${champion ? html`
        <p class="route">${champion.candidate} <code>${champion.version}</code>, ${say("trained_until", { until: champion.trained_until })}</p>
        <section><h2>${say("scores")}</h2>${scores(champion.scores)}</section>
        ${versions.length ? html`<section><h2>${say("versions")}</h2>${list(versions)}</section>` : nothing}
        <section class="card" lang="en">${markdown(champion.card)}</section>` : html`<p>${say("loading")}</p>`}`,
  };
}

const measure = ({ value, low, high }) => (value === null ? "–" : `${number(value, 3)} [${number(low, 3)}; ${number(high, 3)}]`);

const scores = (states) => html`<div class="scroll" tabindex="0"><table class="figures"><thead><tr><td></td>${Object.keys(states).map((state) =>
  html`<th scope="col">${say("score_states")[state] || state}</th>`)}</tr></thead>
  <tbody><tr><th scope="row">${say("tested_on")}</th>${Object.values(states).map(({ flights }) => html`<td>${number(flights)}</td>`)}</tr>
  ${SHOWN.map((name) => html`<tr><th scope="row">${say("measures")[name]}</th>${Object.values(states).map((one) =>
    html`<td>${one[name] ? measure(one[name]) : "–"}</td>`)}</tr>`)}</tbody></table></div>
  <p class="note">${say("intervals")}</p>`;

const list = (versions) => html`<div class="scroll" tabindex="0"><table class="figures"><thead><tr><th scope="col">${say("version")}</th>
  <th scope="col">${say("created")}</th><th scope="col">${say("until")}</th><th scope="col">${say("candidate")}</th>
  <th scope="col">${say("command")}</th></tr></thead>
  <tbody>${versions.map((one) => html`<tr><th scope="row"><code>${one.version}</code></th><td>${one.created?.slice(0, 10) || "–"}</td>
    <td>${one.trained_until || "–"}</td><td>${one.broken || one.candidate}</td>
    <td>${one.is_champion ? html`<strong>${say("champion")}</strong> · <code>puntual models rollback</code>`
      : one.broken ? nothing : html`<code>puntual models promote ${one.version}</code>`}
      ${one.answers && !one.is_champion ? say("answers_now") : nothing}</td></tr>`)}</tbody></table></div>`;
