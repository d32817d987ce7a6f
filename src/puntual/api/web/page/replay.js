// A past day again: the board as it stood at each hour, next to what happened.

import { html, nothing } from "./lit-html/lit-html.js";
import { repeat } from "./lit-html/directives/repeat.js";
import { bandsBar, bandsLegend } from "./bands.js";
import { chanceOf, filtersOf, isOpen, isShown, nameOf, rowsOf } from "./board_rows.js";
import { flightAddress, stateOf } from "./flight_words.js";
import { clock, number, percent } from "./format.js";
import { horizonTable, predictAtHorizons, scoreOf } from "./horizon_scores.js";
import { read } from "./service.js";
import { address, inUrl } from "./settings.js";
import { headOf, say } from "./words.js";

const STEP = 10;
const PAUSE = 1_000;
const LAST = 24 * 60 - STEP;

export function createReplay(shell) {
  let then = null;
  let outcomes = new Map();
  let chances = null;
  let scoring = null;
  let shownFor = "";
  let timer = 0;
  let asked = null;

  const wanted = () => {
    const parameters = inUrl();
    const today = new Date().toISOString().slice(0, 10);
    return { ...filtersOf(parameters), state: "all", day: parameters.get("day") || today, at: +(parameters.get("at") || 360) };
  };

  async function refresh() {
    asked?.abort();
    const { airport, day, at } = wanted();
    if (!airport) return;
    asked = new AbortController();
    const { signal } = asked;
    const period = { airport, from: day, to: day };
    try {
      if (shownFor !== `${airport} ${day}`) {
        const end = await read(`/flights?${new URLSearchParams(period)}`, { signal });
        outcomes = new Map(end.flights.map((flight) => [nameOf(flight), flight]));
        shownFor = `${airport} ${day}`;
        scoring?.abort();
        chances = null;
        if (isSettled(end)) score(airport);
      }
      then = await read(`/flights?${new URLSearchParams({ ...period, as_of: `${day}T${timeOf(at)}` })}`, { signal });
      shell.succeed();
    } catch (error) {
      if (signal.aborted) return;
      pause();
      shell.fail(error);
    }
  }

  // Beside the day itself, and once for a day.
  async function score(airport) {
    scoring = new AbortController();
    const known = new Map([...outcomes].filter(([, flight]) => hasOutcome(flight)));
    if (!known.size) return;
    const show = (so_far) => {
      chances = so_far;
      shell.update();
    };
    await predictAtHorizons(airport, known, scoring.signal, show).catch(() => {});
  }

  function pause() {
    clearInterval(timer);
    timer = 0;
    shell.update();
  }

  const move = (at) => shell.go(address({ at: Math.min(at, LAST) }), { replace: true });

  function play() {
    if (timer) return pause();
    timer = setInterval(() => (wanted().at >= LAST ? pause() : move(wanted().at + STEP)), PAUSE);
    shell.update();
  }

  return {
    name: "replay",
    get title() {
      return say("replay");
    },
    open: refresh,
    close: () => {
      clearInterval(timer);
      asked?.abort();
      scoring?.abort();
    },
    refresh,
    template() {
      const chosen = wanted();
      const set = (name) => (event) => shell.go(address({ [name]: event.target.value.trim() }), { replace: true });
      return html`<h1>${say("replay")}</h1>
        <form class="controls" @submit=${(event) => event.preventDefault()} aria-label=${say("replay")}>
          <label class="field airport"><span>${say("airport")}</span><input .value=${chosen.airport} @change=${set("airport")}
            maxlength="8" size="5" autocomplete="off" spellcheck="false"></label>
          <label class="field"><span>${say("day")}</span><input type="date" .value=${chosen.day} @change=${set("day")}></label>
          <label class="field slider"><span>${say("at_time", { time: timeOf(chosen.at) })}</span><input type="range" min="0"
            max=${LAST} step=${STEP} .value=${String(chosen.at)} aria-valuetext=${timeOf(chosen.at)}
            @input=${(event) => move(+event.target.value)}></label>
          <button type="button" @click=${play} aria-pressed=${timer ? "true" : "false"}>${say(timer ? "pause" : "play")}</button>
          <label class="field"><span>${say("airline")}</span><select @change=${set("airline")}>${["", ...new Set((then?.flights || [])
            .map(({ airline }) => airline))].sort().map((code) => html`<option value=${code} .selected=${code === chosen.airline}>${code
            || say("anyone")}</option>`)}</select></label>
          <label class="field"><span>${say("search_tail")}</span><input type="search" id="search" .value=${chosen.q} @input=${set("q")}
            maxlength="40" size="10" autocomplete="off"></label>
        </form>
        ${then && chosen.airport ? day(then, outcomes, chances, chosen) : html`<p class="hint">${say(chosen.airport ? "loading" : "which_airport")}</p>`}`;
    },
  };
}

const timeOf = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

function day(then, outcomes, chances, chosen) {
  // As on the board: those that need somebody first, and those that are gone last.
  const rows = rowsOf(then.flights, chosen).map(({ flight }) => flight);
  const shown = (time) => clock(time, then.time_zone, chosen.utc);
  return html`${isSettled(then) ? agreement(rows.filter(isOpen), outcomes) : html`<p class="counts">${say("arrivals_open")}</p>`}${bandsLegend(then.target)}
    <table class="board replay"><caption class="unseen">${say("replay")}</caption><thead><tr>${["time", "flight", "to", "state", "late", "delay", "happened"].map((name) =>
      html`<th scope="col" class=${name}>${headOf(name, then.target)}</th>`)}</tr></thead>
    <tbody>${repeat(rows, nameOf, (flight) => html`<tr class=${flight.status}>
      <td class="time">${shown(flight.scheduled_departure)}</td>
      <th scope="row"><a href=${flightAddress(flight, { ...chosen, as_of: then.as_of })} data-link>${flight.airline} ${flight.flight_number}</a></th>
      <td class="to">${flight.destination || "–"}</td><td class="state">${stateOf(flight, then.as_of, shown)}</td>
      <td class="chance">${flight.prediction ? percent(chanceOf(flight)) : "–"}</td>
      <td class="bands">${flight.prediction ? bandsBar(flight.prediction.bands) : nothing}</td>
      <td class="happened">${happened(outcomes.get(nameOf(flight)), shown)}</td></tr>`)}</tbody></table>
    ${chances ? horizonTable(chances, outcomes, (flight) => hasOutcome(flight) && isShown(flight, chosen)) : nothing}
    ${rows.length ? nothing : html`<p class="hint">${say("nothing")}</p>`}`;
}

// Of a model that predicts arrivals no departure says whether it was right.
const isSettled = ({ target }) => target !== "arrival";

// What is not known to have left or been cancelled has no outcome yet.
const hasOutcome = (flight) => flight && !isOpen(flight) && flight.prediction;

const happened = (outcome, shown) => (hasOutcome(outcome) ? stateOf(outcome, "", shown) : "–");

// How the probabilities of the flights that were still to leave agree with what became of them.
function agreement(open, outcomes) {
  const pairs = open.map((flight) => [chanceOf(flight), outcomes.get(nameOf(flight))])
    .filter(([chance, outcome]) => chance >= 0 && hasOutcome(outcome))
    .map(([chance, outcome]) => [chance, outcome.prediction.late_probability]);
  const score = scoreOf(pairs);
  return html`<p class="counts">${score ? say("agreement", { n: number(score.flights), expected: percent(score.expected),
    late: percent(score.late), brier: number(score.brier, 3) }) : say("no_outcomes")}</p>`;
}
