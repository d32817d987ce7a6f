// The board of an airport: what leaves soon, how likely late, and why.

import { html, nothing } from "./lit-html/lit-html.js";
import { bandsLegend } from "./bands.js";
import { countsOf, DEFAULTS, filtersOf, isOpen, nameOf, rowsOf } from "./board_rows.js";
import { changesSince, lastLook, look } from "./changes.js";
import { createLines } from "./flight_lines.js";
import { flightAddress } from "./flight_words.js";
import { clock, day, moved, number, percent } from "./format.js";
import { mark } from "./marks.js";
import { read, ServiceError } from "./service.js";
import { address, inUrl } from "./settings.js";
import { follow } from "./stream.js";
import { headOf, say } from "./words.js";

const BEFORE_HOURS = 6;
const AGAIN_MOST = 10_000;
// What a screen shows stands at once; the rest of a long list follows while it is read.
const FIRST_ROWS = 40;
const OLD_MINUTES = 60;
const LAST_AIRPORT = "puntual-airport";
const COLUMNS = ["time", "flight", "to", "state", "late", "delay", "minutes", "why", "in_hand", "aircraft"];
// Elsewhere the filters open when they are wanted.
const isWide = matchMedia("(min-width: 52rem)").matches;
const SORTED = { time: "time", late: "risk" };

export function createBoard(shell) {
  let board = null;
  let lost = false;
  let looked = null;
  let timer = 0;
  let losses = 0;
  let asked = null;
  let shownFor = "";
  let most = FIRST_ROWS;
  const lines = createLines();

  const filters = () => filtersOf(inUrl());

  // A board of the past is asked for once; that of now is followed, and followed again when it is lost.
  async function refresh() {
    clearTimeout(timer);
    asked?.abort();
    const chosen = filters();
    if (!chosen.airport) return;
    asked = new AbortController();
    const { signal } = asked;
    try {
      if (chosen.as_of) show(await read(`/flights?${pastPeriod(chosen)}`, { signal }));
      else await follow(`/flights/stream?${presentPeriod(chosen)}`, taker(), signal);
      if (chosen.as_of) return;
    } catch (error) {
      if (signal.aborted) return;
      // The service refused: what stands here is no longer what was asked for.
      if (error.status && error.status < 500) return shell.fail(error);
    }
    if (signal.aborted || shell.problem) return;
    lose();
    timer = setTimeout(refresh, Math.min(500 * 2 ** losses++, AGAIN_MOST));
  }

  function taker() {
    const known = new Map();
    return (event, part) => {
      if (event === "refused") return refused(part);
      for (const flight of part.flights) known.set(nameOf(flight), flight);
      for (const key of part.gone) known.delete(key.join(" "));
      losses = 0;
      lost = false;
      show({ ...part, flights: [...known.values()] });
    };
  }

  function refused(problem) {
    // Beyond its rate a key waits, and so does who comes while too many do; all else is said.
    if (problem.status !== 429 && problem.status < 500) shell.fail(new ServiceError(problem.status, problem));
  }

  function lose() {
    lost = true;
    shell.update();
  }

  function show(answer) {
    board = answer;
    localStorage.setItem(LAST_AIRPORT, board.airport);
    looked = lastLook(board) || look(board);
    shell.succeed();
    shell.announce(countsText(board, filters()));
  }

  // Others see it by the stream; whoever did it sees it at once.
  async function act(flight, kind) {
    try {
      const marks = await mark(flight, kind);
      board.flights = board.flights.map((one) => (nameOf(one) === nameOf(flight) ? { ...one, marks } : one));
      shell.update();
    } catch (error) {
      shell.fail(error);
    }
  }

  function showMore() {
    most = Infinity;
    shell.update();
  }

  function takeFocused() {
    const link = document.activeElement.closest?.("table.board tr")?.querySelector("th a");
    const flight = link && board.flights.find((one) => flightAddress(one, filters()) === link.getAttribute("href"));
    if (flight && isOpen(flight) && shell.mayOperate) act(flight, "acknowledged");
  }

  function change(changes) {
    shell.go(address(Object.fromEntries(
      Object.entries(changes).map(([name, value]) => [name, value === DEFAULTS[name] ? "" : value]),
    )), { replace: true });
  }

  function lookNow() {
    if (board) looked = look(board);
    shell.update();
  }

  return {
    name: "board",
    get title() {
      return board ? say("title", { airport: board.airport }) : say("board");
    },
    open() {
      const { airport, as_of, hours, watch } = filters();
      if (!airport && localStorage.getItem(LAST_AIRPORT)) {
        return shell.go(address({ airport: localStorage.getItem(LAST_AIRPORT) }), { replace: true });
      }
      const wanted = [airport, as_of, hours, watch].join(" ");
      if (wanted === shownFor && board && !shell.problem) return shell.update();
      shownFor = wanted;
      most = FIRST_ROWS;
      if (board?.airport !== airport) board = null;
      refresh();
    },
    close() {
      clearTimeout(timer);
      asked?.abort();
      shownFor = "";
    },
    refresh,
    keys: {
      o: () => change({ order: filters().order === "time" ? "risk" : "time" }),
      l: lookNow,
      a: takeFocused,
    },
    template() {
      const chosen = filters();
      return html`${controls(chosen, board, change)}
        ${lost && board ? html`<p class="lost" role="alert">${say("lost", { time: clock(board.as_of) })}</p>` : nothing}
        ${board && chosen.airport ? list(board, chosen, looked, most, lines, { change, lookNow, showMore, act: chosen.as_of || !shell.mayOperate ? null : act })
          : chosen.airport ? html`<p>${say("loading")}</p>` : html`<p class="hint">${say("which_airport")}</p>`}`;
    },
  };
}

const pastPeriod = ({ airport, hours, watch, as_of }) => new URLSearchParams({
  airport, from: moved(as_of, -BEFORE_HOURS * 60), to: moved(as_of, hours * 60), reasons: watch, as_of });

const presentPeriod = ({ airport, hours, watch }) =>
  new URLSearchParams({ airport, before: BEFORE_HOURS, hours, reasons: watch });

const countsText = (board, { watch }) => {
  const counts = countsOf(board.flights);
  const open = counts.all - counts.left - counts.cancelled;
  return [
    say("flights", { n: number(counts.all) }), say("overdue_n", { n: number(counts.overdue) }),
    say("to_watch", { n: number(Math.min(watch, open)) }), say("left_n", { n: number(counts.left) }),
    say("cancelled_n", { n: number(counts.cancelled) }),
  ].join(" · ");
};

const field = (name, label, control) => html`<label class="field ${name}"><span>${label}</span>${control}</label>`;

function controls(chosen, board, change) {
  const set = (name) => (event) => change({ [name]: event.target.value.trim() });
  const options = (name, values) => html`<select @change=${set(name)}>${values.map(([value, text]) =>
    html`<option value=${value} .selected=${value === String(chosen[name])}>${text}</option>`)}</select>`;
  const codes = (property) => [["", say("anyone")], ...[...new Set((board?.flights || []).map((flight) => flight[property])
    .filter(Boolean))].sort().map((code) => [code, code])];
  const numbers = (...values) => values.map((value) => [String(value), number(value)]);
  return html`<form class="controls" @submit=${(event) => event.preventDefault()} aria-label=${say("filters")}>
    ${field("airport", say("airport"), html`<input .value=${chosen.airport} @change=${set("airport")} maxlength="8" size="5"
      autocomplete="off" autocapitalize="characters" spellcheck="false">`)}
    <details class="more" ?open=${isWide}><summary>${say("filters")}</summary><div>
    ${field("hours", say("hours"), options("hours", numbers(2, 4, 6, 12, 18, 24, 48)))}
    ${field("watch", say("watch"), options("watch", numbers(3, 5, 10, 15, 20, 30, 50)))}
    ${field("state", say("state"), options("state", ["open", "all", "overdue", "scheduled", "left", "arrived", "cancelled"]
      .map((state) => [state, say(state)])))}
    ${field("airline", say("airline"), options("airline", codes("airline")))}
    ${field("destination", say("to"), options("destination", codes("destination")))}
    ${field("threshold", say("threshold"), options("threshold",
      [0, 10, 20, 30, 40, 50, 75].map((value) => [value ? String(value) : "0", percent(value / 100)])))}
    ${field("search", say("search"), html`<input type="search" id="search" .value=${chosen.q} @input=${set("q")}
      maxlength="40" size="10" autocomplete="off" spellcheck="false">`)}
    ${field("times", say("times"), html`<select @change=${set("utc")}>
      <option value="" .selected=${!chosen.utc}>${say("local")}</option>
      <option value="1" .selected=${chosen.utc}>UTC</option></select>`)}
    </div></details>
  </form>`;
}

function list(board, chosen, looked, most, lines, acts) {
  const all = rowsOf(board.flights, chosen);
  const rows = all.slice(0, most);
  if (all.length > most) setTimeout(acts.showMore);
  const changes = changesSince(looked, board);
  const context = { filters: chosen, board, changes: changes.marks, act: acts.act };
  const sorted = (name) => (SORTED[name] === chosen.order ? (name === "time" ? "ascending" : "descending") : nothing);
  const head = (name) => SORTED[name]
    ? html`<th scope="col" class=${name} aria-sort=${sorted(name)}><button @click=${() =>
      acts.change({ order: SORTED[name] })}>${headOf(name, board.target)}<span aria-hidden="true" class="sort"></span></button></th>`
    : html`<th scope="col" class=${name}>${headOf(name, board.target)}</th>`;
  // The line is drawn where the list is in the order by which it is cut.
  const after = chosen.order === "risk" ? rows.findLastIndex((row) => row.isWatched) + 1 : 0;
  const groups = lines.show(rows, context, { after, text: say("cut", { n: number(chosen.watch) }), columns: COLUMNS.length });
  return html`
    <div class="headline">
      <h1>${say("title", { airport: board.airport })}</h1>
      <p class="counts">${countsText(board, chosen)}</p>
      <p class="age">${day(board.as_of)}, ${say("as_of", { time: clock(board.as_of, board.time_zone, chosen.utc) })}
        · ${ageText(board)} · ${chosen.utc ? "UTC" : say("zone", { zone: board.time_zone })}</p>
    </div>
    ${changesLine(changes, looked, acts.lookNow, (time) => clock(time, board.time_zone, chosen.utc))}
    ${bandsLegend(board.target)}
    <table class="board">
      <caption class="unseen">${say("title", { airport: board.airport })}</caption>
      <thead><tr>${COLUMNS.map(head)}</tr></thead>
      ${groups}
    </table>
    ${rows.length ? nothing : html`<p class="hint">${say("nothing")}</p>`}`;
}

function ageText(board) {
  if (board.data_age_seconds === null) return say("no_age");
  const minutes = Math.floor(board.data_age_seconds / 60);
  const text = say(minutes > OLD_MINUTES ? "old_age" : "age", { n: number(minutes) });
  return minutes > OLD_MINUTES ? html`<strong class="old">${text}</strong>` : text;
}

function changesLine(changes, looked, lookNow, shown) {
  const parts = ["up", "down", "new"].filter((kind) => changes[kind]).map((kind) => say(`${kind}_n`, { n: changes[kind] }));
  const gone = changes.gone.length ? html`<details><summary>${say("gone_n", { n: changes.gone.length })}</summary>
    ${changes.gone.map((name) => name.split(" ").slice(0, 2).join(" ")).join(", ")}</details>` : nothing;
  return html`<div class="changes"><span>${say("since", { time: shown(looked.as_of) })}
    ${parts.length || changes.gone.length ? parts.join(", ") : say("none")}</span> ${gone}
    <button @click=${lookNow}>${say("looked")}</button></div>`;
}
