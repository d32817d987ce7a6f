// One flight: what is predicted and why, how that moved, and what happened when it has.

import { html, nothing } from "./lit-html/lit-html.js";
import { aircraftOf, reasonOf, stateOf } from "./flight_words.js";
import { clock, day, dayOf, moved, signed } from "./format.js";
import { mark, marksPanel } from "./marks.js";
import { movements } from "./movements.js";
import { predictionPanel } from "./prediction.js";
import { read } from "./service.js";
import { address, inUrl } from "./settings.js";
import { say } from "./words.js";

// At so many minutes before its departure is it looked back at: since the day before.
const BEFORE = [1_440, 1_080, 720, 480, 360, 240, 180, 120, 90, 60, 30, 0];
const MOST_EVENTS = 12;
const REFRESH = 30_000;
const NO_NEWS = { events: [], previous_legs: [] };

export function createFlight(shell) {
  let found = null;
  let steps = [];
  let news = NO_NEWS;
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
      if (found.flight) {
        news = await eventsOf(wanted, wanted.as_of, signal);
        steps = await look(wanted, board, news, signal);
      }
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
      news = NO_NEWS;
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
          : detail(found, steps, news, wanted, shell.mayOperate ? act : null)}`;
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

// The flight as it stood at each moment until now, those at which something became known among them.
async function look(wanted, board, news, signal) {
  const known = news.events.slice(-MOST_EVENTS).map(({ known_at: moment }) => moved(moment, 1));
  const usual = BEFORE.map((minutes) => moved(wanted.departure, -minutes));
  const moments = [...new Set([...usual, ...known])].filter((moment) => moment < board.as_of).sort();
  const boards = await Promise.all(moments.map((moment) => boardOf(wanted, moment, { signal })));
  return [...boards, board].map((then) => ({ as_of: then.as_of, flight: then.flights.find(isWanted(wanted)) }))
    .filter(({ flight }) => flight?.prediction);
}

function eventsOf({ origin, airline, number, departure }, as_of, signal) {
  const query = { airport: origin, airline, flight_number: number, scheduled_departure: departure, ...(as_of ? { as_of } : {}) };
  return read(`/flights/events?${new URLSearchParams(query)}`, { signal });
}

function detail({ board, flight }, steps, news, { utc, as_of }, act) {
  const shown = (time) => clock(time, board.time_zone, utc);
  const other = (time) => clock(time, board.time_zone, !utc);
  return html`<div class="head"><div>
    <p class="route">${flight.origin} → ${flight.destination || "–"} · ${day(flight.scheduled_departure)},
      <strong>${shown(flight.scheduled_departure)}</strong> (${other(flight.scheduled_departure)})</p>
    <p class="state ${flight.status}">${stateOf(flight, board.as_of, shown)}
      <small>${say("as_of", { time: shown(board.as_of) })}</small></p>
    ${flight.tail ? html`<p>${say("aircraft")} ${aircraftOf(flight, shown)}</p>` : nothing}</div>
    ${as_of ? nothing : marksPanel(flight, shown, act)}</div>
    ${flight.prediction ? predictionPanel(flight.prediction, board.target, (group) => reasonOf(group, flight, shown)) : html`<p class="hint">${say("no_prediction")}</p>`}
    ${steps.length > 1 ? movements(steps, news.events, board.target, shown, (time) => dayOf(time, board.time_zone, utc)) : nothing}
    ${news.previous_legs.length ? previousLegs(news.previous_legs, flight.tail, shown) : nothing}`;
}

const previousLegs = (legs, tail, shown) => html`<section class="movements"><h2>${say("previous_legs", { tail })}</h2>
  <div class="scroll" tabindex="0"><table class="figures"><thead><tr><th scope="col">${say("time")}</th><th scope="col">${say("flight")}</th><th scope="col">${say("origin")}</th>
    <th scope="col">${say("destination")}</th><th scope="col">${say("state")}</th></tr></thead>
  <tbody>${legs.map((leg) => html`<tr><td>${day(leg.departs)} ${shown(leg.departs)}</td><th scope="row">${leg.airline} ${leg.flight_number}</th>
    <td>${leg.origin}</td><td>${leg.destination || "–"}</td><td>${legState(leg, shown)}</td></tr>`)}</tbody></table></div></section>`;

function legState(leg, shown) {
  if (leg.status === "cancelled") return say("cancelled");
  if (!leg.left_at) return say("scheduled");
  const left = say("left_at", { time: shown(leg.left_at), delay: signed(leg.departure_delay_minutes) });
  return leg.arrived_at ? `${left}, ${say("landed_at", { time: shown(leg.arrived_at) })}` : left;
}
