// The card of a model in the language of the reader, written from the data that its text was written from.

import { html, nothing } from "./lit-html/lit-html.js";
import { date, number, percent } from "./format.js";
import { markdown } from "./markdown.js";
import { horizonSection, reliabilitySection } from "./model_plots.js";
import { say } from "./words.js";

export const modelCard = (champion) => html`
  ${champion.record ? html`${reliabilitySection(champion.record.reliability)}
    ${champion.record.horizons.length ? horizonSection(champion.record.horizons) : nothing}` : nothing}
  <div class="plots">
    <section><h2>${say("data")}</h2>${facts(dataOf(champion))}</section>
    <section><h2>${say("split")}</h2>${facts(splitOf(champion.split))}</section>
    ${champion.record ? html`<section><h2>${say("checks")}</h2>${findings(champion.record.findings)}</section>` : nothing}
    <section><h2>${say("limits")}</h2>${list(limitsOf(champion))}</section>
    <section><h2>${say("meant_for")}</h2>${list(say("uses"))}</section>
    <section><h2>${say("to_bear_in_mind")}</h2>${list(say("caveats"))}</section>
  </div>
  <details class="card"><summary>${say("card_written")}</summary><div lang="en">${markdown(champion.card)}</div></details>`;

const list = (texts) => html`<ul>${texts.map((text) => html`<li>${text}</li>`)}</ul>`;

const facts = (pairs) => html`<dl class="facts">${pairs.map(([name, value]) => html`<dt>${say(name)}</dt><dd>${value}</dd>`)}</dl>`;

const period = (from, until) => say("from_to", { from: date(from), until: date(until) });

function dataOf({ source, data_digest: digest, learnt_from: first, trained_until: last, airports, preset, puntual, record }) {
  const rows = record ? [
    ["rows_read", number(record.rows)],
    ["learnt_flights", say("flights_late", { n: number(record.flights), late: percent(record.late_rate) })],
    ...record.omitted.map(({ reason, count }) => ["left_out", html`${number(count)}: ${reasonOf(reason)}`]),
  ] : [];
  return [
    ["source", source], ["departures", period(first, last)], ["airports", airports.join(", ")], ...rows,
    ["digest", html`<code>${digest || "–"}</code>`], ["trained_by", `Puntual ${puntual}${preset === "quick" ? `, ${say("quick")}` : ""}`],
  ];
}

// What a source says in words of its own has no translation.
const reasonOf = (reason) => say("left_out_for")[reason] || html`<span lang="en">${reason}</span>`;

// Of a period its end is not in it.
const lastDay = (end) => new Date(Date.parse(`${end}Z`) - 1).toISOString();

function splitOf(split) {
  const of = (flights, from, until) => say("flights_of_period", { n: number(flights), period: period(from, lastDay(until)) });
  const isByTime = split.kind === "time";
  return [
    ["kind", say(isByTime ? "by_time_split" : "random_split")],
    ["trained_on", of(split.train_rows, split.train_from, split.train_until)],
    ["validated_on", isByTime ? of(split.validation_rows, split.train_until, split.validation_until) : number(split.validation_rows)],
    ["tested_on", of(split.test_rows, split.test_from, split.test_until)],
  ];
}

function limitsOf({ target, record }) {
  const isLive = record?.horizons.some(({ minutes, state }) => minutes && state.startsWith("live"));
  return [...say(isLive ? "limits_live" : "limits_before"), ...say("limits_always"), ...(target === "arrival" ? say("limits_arrival") : [])];
}

const findings = (all) => html`<ul class="checks">${all.map(({ number: place, name, passed }) => html`<li
  class=${passed ? "passed" : "wrong"}>${say("check_names")[place] || name}: <strong>${say(passed ? "passed" : "not_passed")}</strong></li>`)}</ul>`;
