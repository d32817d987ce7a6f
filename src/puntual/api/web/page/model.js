// The model that answers: how good it is, by its own card, and which others there are.

import { html, nothing } from "./lit-html/lit-html.js";
import { changeDialog, createChange } from "./champion_change.js";
import { number, percent } from "./format.js";
import { markdown } from "./markdown.js";
import { openReport, reportAddress } from "./report.js";
import { read } from "./service.js";
import { say } from "./words.js";

const SHOWN = ["roc_auc", "brier", "log_loss", "ece", "precision", "recall"];
const BY_GROUP = ["roc_auc", "brier", "ece"];
const REFRESH = 5_000;

export function createModel(shell) {
  let champion = null;
  let versions = [];
  let succession = null;
  let timer = 0;
  const change = createChange(shell, refresh);

  async function refresh() {
    clearTimeout(timer);
    try {
      champion = await read("/models/champion");
      shell.succeed();
      [versions, succession] = await Promise.all([read("/models"), read("/models/succession")]);
      shell.update();
    } catch (error) {
      return shell.fail(error);
    }
    watch();
  }

  // Another may be promoted elsewhere while this stands here; whoever is away then is looked for again.
  function watch() {
    timer = setTimeout(async () => {
      const now = await read("/readyz").catch(() => null);
      if (now && now.model !== champion.version) refresh();
      else watch();
    }, REFRESH);
  }

  return {
    name: "model",
    get title() {
      return say("model");
    },
    open: refresh,
    close() {
      clearTimeout(timer);
    },
    refresh,
    template: () => html`<h1>${say("model")}</h1>
      ${champion ? html`
        <p class="route">${champion.candidate} <code>${champion.version}</code>, ${say("trained_until", { until: champion.trained_until })}</p>
        ${change.result()}
        <section><h2>${say("scores")}</h2>${scores(champion.scores)}${groups(Object.values(champion.scores)[0].by)}</section>
        ${versions.length && succession ? html`<section><h2>${say("versions")}</h2>${list(versions, succession, change, shell)}</section>` : nothing}
        <section class="card" lang="en">${markdown(champion.card)}</section>` : html`<p>${say("loading")}</p>`}
      ${changeDialog(change)}`,
  };
}

const measure = ({ value, low, high }) => (value === null ? "–" : `${number(value, 3)} [${number(low, 3)}; ${number(high, 3)}]`);

const scores = (states) => html`<div class="scroll" tabindex="0"><table class="figures"><thead><tr><td></td>${Object.keys(states).map((state) =>
  html`<th scope="col">${say("score_states")[state] || state}</th>`)}</tr></thead>
  <tbody><tr><th scope="row">${say("tested_on")}</th>${Object.values(states).map(({ flights }) => html`<td>${number(flights)}</td>`)}</tr>
  ${SHOWN.map((name) => html`<tr><th scope="row">${say("measures")[name]}</th>${Object.values(states).map((one) =>
    html`<td>${one[name] ? measure(one[name]) : "–"}</td>`)}</tr>`)}</tbody></table></div>
  <p class="note">${say("intervals")}</p>`;

const groups = (by) => Object.entries(by).filter(([, rows]) => rows.length > 1).map(([name, rows]) => html`<details class="group">
  <summary>${say("by_group")[name] || name}</summary><div class="scroll" tabindex="0"><table class="figures"><thead><tr><td></td>
    <th scope="col">${say("tested_on")}</th><th scope="col">${say("were_late")}</th>${BY_GROUP.map((one) =>
      html`<th scope="col">${say("measures")[one]}</th>`)}</tr></thead>
  <tbody>${rows.map((row) => html`<tr><th scope="row">${row.name}</th><td>${number(row.flights)}</td><td>${percent(row.late_rate)}</td>
    ${BY_GROUP.map((one) => html`<td>${row[one] ? measure(row[one]) : "–"}</td>`)}</tr>`)}</tbody></table></div></details>`);

const list = (versions, succession, change, shell) => html`<div class="scroll" tabindex="0"><table class="figures versions"><thead><tr>
  <th scope="col">${say("version")}</th><th scope="col">${say("created")}</th><th scope="col">${say("until")}</th>
  <th scope="col">${say("candidate")}</th><th scope="col">${say("report")}</th><th scope="col">${say("champion")}</th></tr></thead>
  <tbody>${versions.map((one) => html`<tr><th scope="row"><code>${one.version}</code></th><td>${one.created?.slice(0, 10) || "–"}</td>
    <td>${one.trained_until || "–"}</td><td>${one.broken || one.candidate}</td>
    <td>${one.report ? html`<a href=${reportAddress(one.version)} target="_blank" @click=${(event) =>
      openReport(event, one.version, shell)}>${say("report_of")}</a>` : "–"}</td>
    <td>${one.is_champion ? html`<strong>${say("is_champion")}</strong> ` : nothing}${one.answers && !one.is_champion ? say("answers_now") : nothing}
      ${one.broken ? nothing : actions(one, versions, succession, change)}</td></tr>`)}</tbody></table></div>
  ${succession.may_change ? nothing : html`<p class="note">${say("may_not_change", { reason: succession.why_not })}</p>`}`;

function actions(one, versions, { may_change: may, former, champion }, change) {
  const back = one.is_champion && former;
  if (one.is_champion && !back) return nothing;
  if (!may) return html`<code>puntual models ${back ? "rollback" : `promote ${one.version}`}</code>`;
  const next = back ? { version: former, ...versions.find(({ version }) => version === former) } : one;
  return html`<button @click=${() => change.propose({ next, champion, isBack: Boolean(back) })}>${say(back ? "roll_back" : "promote")}<span
    class="unseen"> ${next.version}</span></button>`;
}
