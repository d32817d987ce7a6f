// One flight: what is predicted and why, how that moved, and what happened when it has.

import { html, nothing, svg } from "./lit-html/lit-html.js";
import { aircraftOf, reasonOf, stateOf } from "./flight_row.js";
import { clock, day, minutesBetween, moved, percent } from "./format.js";
import { mark, marksPanel } from "./marks.js";
import { predictionPanel } from "./prediction.js";
import { read } from "./service.js";
import { address, inUrl } from "./settings.js";
import { say } from "./words.js";

// At so many minutes before its departure is it looked back at: since the day before.
const BEFORE = [1_440, 1_080, 720, 480, 360, 240, 180, 120, 90, 60, 30, 0];
const REFRESH = 30_000;

export function createFlight(shell) {
  let found = null;
  let steps = [];
  let timer = 0;
  let asked = null;

  async function refresh() {
    clearTimeout(timer);
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    const wanted = wantedFlight();
    try {
      const board = await boardOf(wanted, wanted.as_of, { reasons: 50, signal });
      found = { board, flight: board.flights.find(isWanted(wanted)) };
      shell.succeed();
      if (found.flight) steps = await look(wanted, board, signal);
      shell.update();
    } catch (error) {
      if (signal.aborted) return;
      shell.fail(error);
    }
    if (!wanted.as_of) timer = setTimeout(refresh, REFRESH);
  }

  async function act(flight, kind, note) {
    try {
      found.flight.marks = await mark(flight, kind, note);
      shell.update();
    } catch (error) {
      shell.fail(error);
    }
  }

  return {
    name: "flight",
    get title() {
      const { airline, number } = wantedFlight();
      return `${airline} ${number}`;
    },
    open() {
      found = null;
      steps = [];
      refresh();
    },
    close() {
      clearTimeout(timer);
      asked?.abort();
    },
    refresh,
    keys: { a: () => found?.flight && shell.mayOperate && act(found.flight, "acknowledged") },
    template() {
      const wanted = wantedFlight();
      const back = address({ airport: wanted.origin, as_of: wanted.as_of, utc: wanted.utc ? "1" : "" }, new URLSearchParams());
      return html`<p><a href=${back} data-link>← ${say("title", { airport: wanted.origin })}</a></p>
        <h1>${wanted.airline} ${wanted.number}</h1>
        ${!found ? html`<p>${say("loading")}</p>` : !found.flight ? html`<p class="hint">${say("no_flight")}</p>`
          : detail(found, steps, wanted, shell.mayOperate ? act : null)}`;
    },
  };
}

function wantedFlight() {
  const parameters = inUrl();
  const given = (name) => parameters.get(name) || "";
  return {
    origin: given("airport").toUpperCase(), airline: given("airline"), number: given("number"),
    departure: given("departure"), as_of: given("as_of"), utc: given("utc") === "1",
  };
}

const isWanted = (wanted) => (flight) =>
  flight.airline === wanted.airline && flight.flight_number === wanted.number && flight.scheduled_departure === wanted.departure;

function boardOf({ origin, departure }, as_of, { reasons = 0, signal }) {
  const period = { airport: origin, from: departure, to: moved(departure, 1) };
  if (reasons) period.reasons = reasons;
  return read(`/flights?${new URLSearchParams(as_of ? { ...period, as_of } : period)}`, { signal });
}

// The flight as it stood at each moment until now, and what had become known by then.
async function look(wanted, board, signal) {
  const moments = BEFORE.map((minutes) => moved(wanted.departure, -minutes)).filter((moment) => moment < board.as_of);
  const boards = await Promise.all(moments.map((moment) => boardOf(wanted, moment, { signal })));
  return [...boards, board].map((then) => ({ as_of: then.as_of, flight: then.flights.find(isWanted(wanted)) }))
    .filter(({ flight }) => flight?.prediction);
}

function detail({ board, flight }, steps, { utc, as_of }, act) {
  const shown = (time) => clock(time, board.time_zone, utc);
  const other = (time) => clock(time, board.time_zone, !utc);
  return html`
    <p class="route">${flight.origin} → ${flight.destination || "–"} · ${day(flight.scheduled_departure)},
      <strong>${shown(flight.scheduled_departure)}</strong> (${other(flight.scheduled_departure)})
      ${flight.tail ? html` · ${say("aircraft")} ${aircraftOf(flight, shown)}` : nothing}</p>
    <p class="state ${flight.status}">${stateOf(flight, board.as_of, shown)}
      <small>${say("as_of", { time: shown(board.as_of) })}</small></p>
    ${as_of ? nothing : marksPanel(flight, shown, act)}
    ${flight.prediction ? predictionPanel(flight.prediction, (group) => reasonOf(group, flight, shown)) : html`<p class="hint">${say("no_prediction")}</p>`}
    ${steps.length > 1 ? html`<section class="movements"><h2>${say("moves")}</h2>${movesPlot(steps, flight)}${movesTable(steps, shown)}</section>` : nothing}`;
}

function movesPlot(steps, flight) {
  const start = minutesBetween(steps[0].as_of, flight.scheduled_departure);
  const end = Math.min(minutesBetween(steps.at(-1).as_of, flight.scheduled_departure), 0);
  const x = (step) => ((start - minutesBetween(step.as_of, flight.scheduled_departure)) / (start - end || 1)) * 600;
  const y = (step) => 100 - step.flight.prediction.late_probability * 100;
  const path = steps.map((step, place) => `${place ? `H${x(step).toFixed(1)}V` : `M${x(step).toFixed(1)},`}${y(step).toFixed(1)}`);
  return html`<svg class="moves" viewBox="-4 -4 608 108" role="img" aria-label=${say("moves_plot")}>
    ${[0, 50, 100].map((level) => svg`<line class="level" x1="0" x2="600" y1=${level} y2=${level}></line>`)}
    <path d=${path.join("")}></path>
    ${steps.map((step) => svg`<circle cx=${x(step)} cy=${y(step)} r="3"></circle>`)}</svg>`;
}

const movesTable = (steps, shown) => html`<table class="figures"><thead><tr><th scope="col">${say("at")}</th>
  <th scope="col">${say("late")}</th><th scope="col">${say("became_known")}</th></tr></thead>
  <tbody>${steps.map((step, place) => html`<tr><th scope="row">${day(step.as_of)} ${shown(step.as_of)}</th>
    <td class="number">${percent(step.flight.prediction.late_probability)}</td>
    <td>${place ? newsOf(steps[place - 1].flight, step, shown) : ""}</td></tr>`)}</tbody></table>`;

function newsOf(before, { flight, as_of }, shown) {
  const news = [];
  if (flight.tail !== before.tail) news.push(`${say("aircraft")} ${flight.tail}`);
  if (flight.expected_departure !== before.expected_departure || flight.status !== before.status) {
    news.push(stateOf(flight, as_of, shown));
  }
  return news.map((one, place) => html`${place ? ", " : ""}${one}`);
}
