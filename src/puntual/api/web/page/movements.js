// How a prediction moved since the day before, next to the events that moved it.

import { html, svg } from "./lit-html/lit-html.js";
import { day, minutesBetween, percent, signed } from "./format.js";
import { say } from "./words.js";

const WIDTH = 600;
const HEIGHT = 100;

export const movements = (steps, events, flight, shown) => html`<section class="movements"><h2>${say("moves")}</h2>
  ${plot(steps, events, flight, shown)}${table(steps, events, shown)}</section>`;

function plot(steps, events, flight, shown) {
  const [start, end] = [steps[0].as_of, steps.at(-1).as_of];
  const whole = minutesBetween(start, end) || 1;
  const x = (moment) => Math.min(Math.max(minutesBetween(start, moment) / whole, 0), 1) * WIDTH;
  const y = (step) => HEIGHT * (1 - step.flight.prediction.late_probability);
  const path = steps.map((step, place) => `${place ? `H${x(step.as_of).toFixed(1)}V` : `M${x(step.as_of).toFixed(1)},`}${y(step).toFixed(1)}`);
  return html`<svg class="moves" viewBox="-34 -8 680 124" preserveAspectRatio="xMinYMid" role="img" aria-label=${say("moves_plot")}>
    ${[0, 0.5, 1].map((level) => svg`<line class="level" x1="0" x2=${WIDTH} y1=${HEIGHT * (1 - level)} y2=${HEIGHT * (1 - level)}></line>
      <text x="-4" y=${HEIGHT * (1 - level) + 3} text-anchor="end">${percent(level)}</text>`)}
    ${events.map(({ known_at: moment }) => svg`<line class="event" x1=${x(moment)} x2=${x(moment)} y1="0" y2=${HEIGHT}></line>`)}
    <path d=${path.join("")}></path>
    ${steps.map((step) => svg`<circle cx=${x(step.as_of)} cy=${y(step)} r="2.5"></circle>`)}
    <text x="0" y=${HEIGHT + 12}>${day(start)} ${shown(start)}</text>
    <text x=${WIDTH} y=${HEIGHT + 12} text-anchor="end">${day(end)} ${shown(end)}</text></svg>
    <p class="note">${say("moves_note")}</p>`;
}

const table = (steps, events, shown) => html`<div class="scroll" tabindex="0"><table class="figures"><thead><tr><th scope="col">${say("at")}</th>
  <th scope="col">${say("late")}</th><th scope="col">${say("became_known")}</th></tr></thead>
  <tbody>${steps.map((step, place) => html`<tr><th scope="row">${day(step.as_of)} ${shown(step.as_of)}</th>
    <td class="number">${percent(step.flight.prediction.late_probability)}</td>
    <td>${newsBetween(events, place ? steps[place - 1].as_of : "", step.as_of, step.flight, shown).join(", ")}</td></tr>`)}</tbody></table></div>`;

// What was known within the minute of a moment counts from the next one on.
const newsBetween = (events, before, now, flight, shown) =>
  events.filter(({ known_at: moment }) => moment >= before && moment < now).map((event) => textOf(event, flight, shown));

function textOf({ kind, at, expected_departure: expected, tail }, flight, shown) {
  if (kind === "left") return say("left_at", { time: shown(at), delay: signed(minutesBetween(flight.scheduled_departure, at)) });
  if (kind === "arrived") return say("arrived");
  if (kind === "expected") return say("expected_at", { time: shown(expected) });
  return kind === "tail" ? `${say("aircraft")} ${tail}` : say("cancelled");
}
