// One prediction in full: its distribution, its reasons, and what it rests on; each plot is a table as well.

import { html, nothing, svg } from "./lit-html/lit-html.js";
import { bandsBar, sharesOf } from "./bands.js";
import { largestReasons, rangeOf } from "./flight_words.js";
import { date, number, percent, signed } from "./format.js";
import { say, sayOf, sayPoints } from "./words.js";

const groupName = (group) => say("reasons")[group] || group;

export const predictionPanel = (prediction, target, nameOf = groupName) => html`
  <p class="verdict"><strong>${sayOf(target, "chance", { p: percent(prediction.late_probability) })}</strong>
    <span>${say(prediction.late ? "is_late" : "not_late", { p: percent(prediction.threshold) })}</span>
    <span>${say("expected_delay", { n: number(prediction.expected_delay_minutes) })}</span>
    <span>${rangeOf(prediction.delay_quantiles)} (p50–p95)</span></p>
  ${prediction.warnings.length ? html`<ul class="warnings">${prediction.warnings.map(({ code, message }) =>
    html`<li>${say("warnings")[code] || message}</li>`)}</ul>` : nothing}
  <div class="plots">
    <section><h2>${say("distribution")}</h2>${bandsBar(prediction.bands)}${distribution(prediction.bands, target)}</section>
    ${prediction.reasons ? html`<section><h2>${say("reasons_title")}</h2>${reasonsTable(prediction.reasons, nameOf)}</section>` : nothing}
    <section><h2>${say("rests_on")}</h2>${support(prediction)}</section>
  </div>`;

const distribution = (bands, target) => html`<table class="figures">
  <thead><tr><th scope="col">${sayOf(target, "delay")}</th><th scope="col">${say("probability")}</th><td></td></tr></thead>
  <tbody>${sharesOf(bands).map((share, place) => html`<tr><th scope="row">${say("bands")[place]}</th>
    <td class="number">${percent(share)}</td><td class="plot">${amount(share, `band${place}`)}</td></tr>`)}</tbody></table>`;

const amount = (share, name) => svg`<svg class="amount" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
  <rect class=${name} width=${share * 100} height="10"></rect></svg>`;

function reasonsTable(reasons, nameOf) {
  const shown = largestReasons(reasons, reasons.length);
  const largest = Math.max(...shown.map(({ effect }) => Math.abs(effect)), 0.01);
  return html`<table class="figures">
    <thead><tr><th scope="col">${say("why")}</th><th scope="col">${say("effect")}</th><td></td></tr></thead>
    <tbody>${shown.map(({ group, effect }) => html`<tr><th scope="row">${nameOf(group)}</th>
      <td class="number">${sayPoints(effect, signed(effect * 100))}</td>
      <td class="plot">${around(effect / largest)}</td></tr>`)}</tbody></table>
    <p class="note">${say("reasons_note")}</p>`;
}

// A bar to the right of the middle raises the probability, one to the left lowers it.
const around = (share) => svg`<svg class="amount" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
  <rect class=${share > 0 ? "raises" : "lowers"} x=${share > 0 ? 50 : 50 + share * 50} width=${Math.abs(share) * 50} height="10"></rect>
  <rect class="middle" x="49.8" width=".4" height="10"></rect></svg>`;

const support = ({ support: flights, state, horizon_minutes, history_until, missing = [] }) => html`<dl class="facts">
  <dt>${say("known")}</dt><dd>${say("states")[state]}</dd>
  <dt>${say("horizon")}</dt><dd>${horizon_minutes === null ? "–" : horizonText(horizon_minutes)}</dd>
  <dt>${say("history_until")}</dt><dd>${date(history_until)}</dd>
  <dt>${say("support")}</dt><dd>${say("support_of", {
    airline: number(flights.airline), route: number(flights.route), flight: number(flights.flight) })}</dd>
  ${missing.length ? html`<dt>${say("missing")}</dt><dd>${missing.join(", ")}</dd>` : nothing}</dl>`;

function horizonText(minutes) {
  const size = Math.abs(minutes);
  const text = size < 120 ? `${number(size)} min` : size < 2_880 ? `${number(size / 60, 1)} h` : say("days", { n: number(size / 1_440) });
  return say(minutes < 0 ? "after" : "ahead", { text });
}
