// The model that answers: how good it is, its card, and which others there are.

import { html, nothing } from "./lit-html/lit-html.js";
import { changeDialog, createChange } from "./champion_change.js";
import { date, percent } from "./format.js";
import { groups, scores } from "./measures.js";
import { modelCard } from "./model_card.js";
import { openReport, reportAddress } from "./report.js";
import { read } from "./service.js";
import { say } from "./words.js";

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
        <p class="route">${champion.candidate} <code>${champion.version}</code>, ${say("trained_until", { until: date(champion.trained_until) })}</p>
        <p>${predicts(champion)}</p>
        ${change.result()}
        <section><h2>${say("scores")}</h2>${scores(champion.scores)}${groups(Object.values(champion.scores)[0].by)}</section>
        ${versions.length && succession ? html`<section><h2>${say("versions")}</h2>${list(versions, succession, change, shell)}</section>` : nothing}
        ${modelCard(champion)}` : html`<p>${say("loading")}</p>`}
      ${changeDialog(change)}`,
  };
}

const predicts = ({ target, late_rule: rule, threshold, threshold_rule: chosen }) => html`${say(`predicts_${target}`)}
  ${say(`late_means_${target}`, { rule: say("late_rules")[rule] || rule })}
  ${say("threshold_means", { p: percent(threshold, 1) })} <code>${chosen}</code>.`;

const list = (versions, succession, change, shell) => html`<div class="scroll" tabindex="0"><table class="figures versions"><thead><tr>
  <th scope="col">${say("version")}</th><th scope="col">${say("created")}</th><th scope="col">${say("until")}</th>
  <th scope="col">${say("candidate")}</th><th scope="col">${say("report")}</th><th scope="col">${say("champion")}</th></tr></thead>
  <tbody>${versions.map((one) => html`<tr><th scope="row"><code>${one.version}</code></th><td>${date(one.created)}</td>
    <td>${date(one.trained_until)}</td><td>${one.broken || one.candidate}</td>
    <td>${one.report ? html`<a href=${reportAddress(one.version)} target="_blank" @click=${(event) =>
      openReport(event, one.version, shell)}>${say("report_of")}</a>` : "–"}</td>
    <td>${one.is_champion ? html`<strong>${say("is_champion")}</strong> ` : nothing}${one.answers && !one.is_champion ? say("answers_now") : nothing}
      ${one.broken ? nothing : actions(one, versions, succession, change)}</td></tr>`)}</tbody></table></div>
  ${succession.may_change ? nothing : html`<p class="note">${say("may_not_change", { reason: say("obstacles")[succession.obstacle] || succession.why_not })}</p>`}`;

function actions(one, versions, { may_change: may, former, champion }, change) {
  const back = one.is_champion && former;
  if (one.is_champion && !back) return nothing;
  if (!may) return html`<code>puntual models ${back ? "rollback" : `promote ${one.version}`}</code>`;
  const next = back ? { version: former, ...versions.find(({ version }) => version === former) } : one;
  return html`<button @click=${() => change.propose({ next, champion, isBack: Boolean(back) })}>${say(back ? "roll_back" : "promote")}<span
    class="unseen"> ${next.version}</span></button>`;
}
