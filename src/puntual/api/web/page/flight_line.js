// One flight of the board as a line of its table, put together by hand: a board holds a thousand of them.

import { html, nothing, render } from "./lit-html/lit-html.js";
import { bandsBar } from "./bands.js";
import { clock, percent, weekday } from "./format.js";
import { aircraftOf, flightAddress, markOf, rangeOf, shortReasons, stateOf } from "./flight_words.js";
import { inHand } from "./marks.js";

let pattern = null;

// No blanks between its parts, since each is a node.
function newRow() {
  if (!pattern) {
    const body = document.createElement("tbody");
    render(html`<tr><td class="time"><time></time></td><th scope="row"><a data-link></a></th><td class="to"></td><td
      class="state"></td><td class="chance"></td><td class="bands"></td><td class="range"></td><td class="why"></td><td
      class="in_hand"></td><td class="tail"></td></tr>`, body);
    pattern = body.firstElementChild;
  }
  return pattern.cloneNode(true);
}

export class FlightLine {
  row = newRow();
  #cells = [...this.row.children];
  #flight = null;
  #version = "";
  #barOf = null;

  // What a line shows follows from its flight and from `version`, but where the hour has passed, which goes on with the clock.
  show({ flight, name, isWatched }, context, version) {
    const mark = context.changes.get(name);
    const own = `${version} ${isWatched} ${mark ? `${mark.kind} ${mark.points} ${mark.status}` : ""}`;
    if (flight === this.#flight && own === this.#version && flight.status !== "overdue") return;
    this.#flight = flight;
    this.#version = own;
    this.#fill(isWatched, mark, context);
    if (this.#barOf) this.showBar();
  }

  // Drawn once the line comes into sight: it is most of what a line costs.
  showBar() {
    const bands = this.#flight.prediction?.bands;
    if (this.#barOf === this.#flight) return;
    this.#barOf = this.#flight;
    put(this.#cells[5], bands ? bandsBar(bands) : nothing);
  }

  #fill(isWatched, mark, { filters, board, act }) {
    const [time, name, to, state, chance, , range, why, hand, tail] = this.#cells;
    const flight = this.#flight;
    const { prediction, scheduled_departure: scheduled } = flight;
    const shown = (moment) => clock(moment, board.time_zone, filters.utc);
    this.row.className = `${flight.status}${isWatched ? " watched" : ""}`;
    time.firstChild.dateTime = scheduled;
    put(time.firstChild, shown(scheduled));
    laterDay(time, scheduled, board.as_of);
    name.firstChild.setAttribute("href", flightAddress(flight, filters));
    put(name.firstChild, `${flight.airline} ${flight.flight_number}`);
    put(to, flight.destination || "–");
    put(state, stateOf(flight, board.as_of, shown));
    const share = prediction ? percent(prediction.late_probability) : "–";
    put(chance, mark ? html`${share}${markOf(mark)}` : share);
    put(range, prediction ? rangeOf(prediction.delay_quantiles) : "");
    put(why, prediction?.reasons ? shortReasons(flight, shown) : "");
    put(hand, inHand(flight, shown, isWatched ? act : null));
    put(tail, aircraftOf(flight, shown));
  }
}

// A list by risk mixes the days, so that those of another day than now say which.
function laterDay(cell, scheduled, now) {
  const isLater = scheduled.slice(0, 10) !== now.slice(0, 10);
  if (isLater && !cell.lastChild.className) cell.append(Object.assign(document.createElement("span"), { className: "later" }));
  if (cell.lastChild.className) put(cell.lastChild, isLater ? ` ${weekday(scheduled)}` : "");
}

// A cell that once held more than a text holds a template from then on.
const templated = new WeakSet();

function put(cell, content) {
  if (!templated.has(cell)) {
    const text = content === nothing ? "" : content;
    if (typeof text === "string") {
      if (cell.textContent !== text) cell.textContent = text;
      return;
    }
    cell.textContent = "";
    templated.add(cell);
  }
  render(content, cell);
}
