// How a prediction moved since the day before, next to the events that moved it.

import { html } from "./lit-html/lit-html.js";
import { minutesBetween, percent, signed } from "./format.js";
import { SHARES } from "./line_plot.js";
import { say, sayOf } from "./words.js";

export const movements = (steps, events, target, shown, shownDay) => html`<section class="movements"><h2>${say("moves")}</h2>
  ${plot(steps, events, shown, shownDay)}${table(steps, events, target, shown, shownDay)}</section>`;

// Local times as though they were of UTC, in which uPlot counts seconds.
const secondsOf = (time) => Date.parse(`${time}Z`) / 1e3;
const timeOf = (seconds) => new Date(seconds * 1e3).toISOString().slice(0, 16);

function plot(steps, events, shown, shownDay) {
  const dayOf = (seconds) => shownDay(timeOf(seconds));
  const label = (seconds, place, all) =>
    `${shown(timeOf(seconds))}${place && dayOf(seconds) === dayOf(all[place - 1]) ? "" : `\n${dayOf(seconds)}`}`;
  const lines = [{ values: steps.map(({ flight }) => flight.prediction.late_probability), colour: "--accent", stepped: true }];
  const moves = {
    x: { values: steps.map((step) => secondsOf(step.as_of)), time: true, label }, y: SHARES, lines,
    events: events.map(({ known_at: moment }) => secondsOf(moment)),
  };
  return html`<line-plot class="moves" role="img" aria-label=${say("moves_plot")} .plot=${moves}></line-plot>
    <p class="note">${say("moves_note")}</p>`;
}

const table = (steps, events, target, shown, shownDay) => html`<div class="scroll" tabindex="0"><table class="figures"><thead><tr><th scope="col">${say("at")}</th>
  <th scope="col">${sayOf(target, "late")}</th><th scope="col">${say("became_known")}</th></tr></thead>
  <tbody>${steps.map((step, place) => html`<tr><th scope="row">${shownDay(step.as_of)} ${shown(step.as_of)}</th>
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
