// The frame of the page: which view stands in it, and what all of them share.

import { html, nothing, render } from "./lit-html/lit-html.js";
import { createAsk } from "./ask.js";
import { createBoard } from "./board.js";
import { createFlight } from "./flight.js";
import { helpDialog, keyDialog } from "./dialogs.js";
import { enterView, keepFocus, rememberLink } from "./focus.js";
import { watchKeys } from "./keyboard.js";
import { createModel } from "./model.js";
import { createReplay } from "./replay.js";
import { key, keepKey, read } from "./service.js";
import { address, applyChoices, chooseColours, chooseLanguage, colours, inUrl, language, LANGUAGES } from "./settings.js";
import { say } from "./words.js";

const VIEWS = { board: createBoard, flight: createFlight, ask: createAsk, model: createModel, replay: createReplay };
const IN_MENU = ["board", "replay", "ask", "model"];

let view = null;
let announced = "";

const shell = {
  problem: null,
  update: draw,
  go(to, { replace = false } = {}) {
    if (!replace) rememberLink();
    history[replace ? "replaceState" : "pushState"](null, "", to);
    open(null);
  },
  fail(error) {
    shell.problem = error;
    draw();
  },
  succeed() {
    shell.problem = null;
    draw();
  },
  // What the key in use may not, nobody is offered; whoever has none yet is asked for one.
  mayOperate: true,
  // For those who cannot see the page, and only where it says something else than before.
  announce(text) {
    if (text !== announced) document.getElementById("announcer").textContent = announced = text;
  },
};

function open(state) {
  const parameters = inUrl();
  const name = VIEWS[parameters.get("view")] ? parameters.get("view") : "board";
  const former = view?.name;
  if (former !== name) {
    view?.close();
    shell.problem = null;
    view = VIEWS[name](shell);
    scrollTo(0, 0);
  }
  view.open(parameters);
  draw();
  if (former && view.name !== former) enterView(state);
}

function draw() {
  document.title = view.title === "Puntual" ? view.title : `${view.title} · Puntual`;
  keepFocus(() => render(frame(), document.getElementById("page")));
  const dialog = document.getElementById("key-dialog");
  if (shell.problem?.status === 401 && !dialog.open) dialog.showModal();
}

const frame = () => html`
  <a class="skip" href="#content">${say("skip")}</a>
  <header>
    <a class="brand" href="/" data-link>Puntual</a>
    <nav aria-label=${say("views")}>${IN_MENU.map((name) => html`<a href=${address({ view: name === "board" ? "" : name },
      new URLSearchParams())} data-link aria-current=${view.name === name ? "page" : nothing}>${say(name)}</a>`)}</nav>
    <div class="choices">
      ${choice("language", language(), Object.entries(LANGUAGES), chooseLanguage)}
      ${choice("colours", colours(), [["", say("system")], ["light", say("light")], ["dark", say("dark")]], chooseColours)}
      <button @click=${() => print()}>${say("print")}</button>
      <button @click=${showHelp} aria-keyshortcuts="?">${say("help")}</button>
      ${key() ? html`<button @click=${forget}>${say("forget_key")}</button>` : nothing}
    </div>
  </header>
  <main id="content" tabindex="-1">${shell.problem ? failure() : nothing}${view.template()}</main>
  ${keyDialog({ wasWrong: shell.problem?.status === 401 && Boolean(key()), use: useKey })}
  ${helpDialog()}`;

const choice = (name, chosen, values, choose) => html`<label><span class="unseen">${say(name)}</span>
  <select @change=${(event) => { choose(event.target.value); draw(); }}>${values.map(([value, text]) =>
    html`<option value=${value} .selected=${value === chosen}>${text}</option>`)}</select></label>`;

const failure = () => html`<p class="failure" role="alert">${shell.problem.status === 401 ? say("key_needed")
  : say("failed", { reason: shell.problem.message })}
  <button @click=${again}>${say("again")}</button></p>
  ${shell.problem.problem?.errors ? html`<ul class="failure">${shell.problem.problem.errors.map(({ pointer, value, expected }) =>
    html`<li>${say("expected_of", { pointer, value: String(value), expected })}</li>`)}</ul>` : nothing}`;

const showHelp = () => document.getElementById("help-dialog").showModal();

function again() {
  shell.problem = null;
  view.refresh();
}

function useKey(value) {
  keepKey(value);
  again();
  askRights();
}

async function askRights() {
  if (!key()) return;
  const rights = await read("/key").catch(() => null);
  shell.mayOperate = !rights || rights.may.includes("operate");
  draw();
}

function forget() {
  keepKey("");
  location.reload();
}

// Links within the page change the view and load nothing; others, and those opened elsewhere, are the browser's.
addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-link]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  shell.go(link.getAttribute("href"));
});
addEventListener("popstate", (event) => open(event.state));
watchKeys(() => view, showHelp);
applyChoices();
open(null);
askRights();
