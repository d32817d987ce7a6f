// How good a day's probabilities were at each horizon: each flight as it was predicted so long before its schedule.

import { html, nothing } from "./lit-html/lit-html.js";
import { chanceOf, nameOf } from "./board_rows.js";
import { lengthOf, moved, number, percent } from "./format.js";
import "./line_plot.js";
import { read } from "./service.js";
import { say } from "./words.js";

export const HORIZONS = [720, 360, 180, 120, 60, 30];
// Flights of one half hour are asked about together, at the horizon of the first of them.
const WITHIN = 30;
const AT_ONCE = 3;

// Gives by horizon the probability of each flight that has an outcome; `progress` is told after each answer.
export async function predictAtHorizons(airport, outcomes, signal, progress) {
  const starts = [...new Set([...outcomes.values()].map(({ scheduled_departure: time }) => halfHour(time)))].sort();
  const work = HORIZONS.flatMap((horizon) => starts.map((start) => ({ horizon, start })));
  const chances = new Map(HORIZONS.map((horizon) => [horizon, new Map()]));
  async function take() {
    for (let one = work.shift(); one; one = work.shift()) {
      const period = { airport, from: one.start, to: moved(one.start, WITHIN), as_of: moved(one.start, -one.horizon) };
      const { flights } = await read(`/flights?${new URLSearchParams(period)}`, { signal });
      for (const flight of flights) if (flight.prediction) chances.get(one.horizon).set(nameOf(flight), chanceOf(flight));
      progress(chances);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  return chances;
}

const halfHour = (time) => `${time.slice(0, 14)}${time.slice(14, 16) < "30" ? "00" : "30"}`;

// Pairs of what was expected of a flight, as a probability, and whether it then was late.
export function scoreOf(pairs) {
  if (!pairs.length) return null;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const late = mean(pairs.map(([, was]) => was));
  return {
    flights: pairs.length, late, expected: mean(pairs.map(([chance]) => chance)),
    brier: mean(pairs.map(([chance, was]) => (chance - was) ** 2)), base: late * (1 - late),
  };
}

export function horizonTable(chances, outcomes, isChosen) {
  const rows = HORIZONS.map((horizon) => [horizon, scoreOf([...chances.get(horizon)]
    .filter(([name]) => outcomes.has(name) && isChosen(outcomes.get(name)))
    .map(([name, chance]) => [chance, outcomes.get(name).prediction.late_probability]))]);
  return html`<section class="horizons"><h2>${say("horizons")}</h2>
    ${rows.filter(([, score]) => score).length > 1 ? plot(rows) : nothing}<div class="scroll" tabindex="0"><table class="figures"><thead><tr>
    ${["horizon", "flights_of", "late_expected", "were_late", "brier", "base"].map((name) => html`<th scope="col">${say(name)}</th>`)}</tr></thead>
    <tbody>${rows.map(([horizon, score]) => html`<tr><th scope="row">${say("ahead", { text: lengthOf(horizon) })}</th>
      ${score ? html`<td>${number(score.flights)}</td><td>${percent(score.expected)}</td><td>${percent(score.late)}</td>
        <td><strong>${number(score.brier, 3)}</strong></td><td>${number(score.base, 3)}</td>`
    : html`<td>0</td><td>–</td><td>–</td><td>–</td><td>–</td>`}</tr>`)}</tbody></table></div>
    <p class="note">${say("horizons_note")}</p></section>`;
}

// Each horizon is about half of the one before, so that they are as far from each other.
function plot(rows) {
  const places = rows.map(([horizon]) => -Math.log2(horizon));
  const line = (name) => rows.map(([, score]) => score?.[name] ?? null);
  const worst = Math.max(...line("brier"), ...line("base"));
  const scores = {
    x: { values: places, splits: () => places, label: (place) => lengthOf(Math.round(2 ** -place)) },
    y: { range: [0, worst * 1.1 || 1], label: (value) => number(value, 2) },
    lines: [{ values: line("brier"), colour: "--accent" }, { values: line("base"), colour: "--quiet", dash: [4, 4] }],
  };
  return html`<line-plot role="img" aria-label=${say("horizons_plot")} .plot=${scores}></line-plot>
    <ul class="legend" aria-hidden="true"><li><i class="line"></i>${say("brier")}</li><li><i class="line dashed"></i>${say("base")}</li></ul>`;
}
