// One flight by form, or a table of them: the answer with its plots, and the same request to copy.

import { html, nothing } from "./lit-html/lit-html.js";
import { date } from "./format.js";
import { predictionPanel } from "./prediction.js";
import { curlOf, pythonOf } from "./snippets.js";
import { key, read } from "./service.js";
import { createTableDrop } from "./table_drop.js";
import { address, inUrl } from "./settings.js";
import { say } from "./words.js";

const FIELDS = ["origin", "destination", "scheduled_departure", "airline", "flight_number"];
const REQUIRED = new Set(["origin", "destination", "scheduled_departure"]);

export function createAsk(shell) {
  const table = createTableDrop(shell);
  let codes = { origins: [], destinations: [], airlines: [] };
  let target = null;
  let answer = null;

  const wanted = () => Object.fromEntries([...FIELDS, "as_of"].map((name) => [name, inUrl().get(name) || ""])
    .filter(([, value]) => value));

  async function refresh() {
    try {
      [codes, { target }] = await Promise.all([read("/codes"), read("/models/champion")]);
      const request = requestOf(wanted());
      answer = request && { request, ...(await read("/predict", { method: "POST", body: request })) };
      shell.succeed();
    } catch (error) {
      answer = null;
      shell.fail(error);
    }
  }

  function submit(event) {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()]));
    for (const name of ["origin", "destination", "airline"]) given[name] = given[name].toUpperCase();
    shell.go(address(given));
  }

  return {
    name: "ask",
    get title() {
      return say("ask");
    },
    open: refresh,
    close() {},
    refresh,
    template: () => html`<h1>${say("ask")}</h1>
      ${form(wanted(), codes, submit)}
      ${answer ? result(answer, target) : nothing}
      ${table.template()}`,
  };
}

function requestOf({ as_of, ...flight }) {
  if (![...REQUIRED].every((name) => flight[name])) return null;
  return { flights: [flight], ...(as_of ? { as_of } : {}), reasons: true };
}

function form(given, codes, submit) {
  const field = (name, attributes = {}) => html`<label class="field"><span>${say(name === "as_of" ? "as_of_field" : name)}${REQUIRED.has(name) ? ""
    : ` (${say("optional")})`}</span><input name=${name} .value=${given[name] || ""} ?required=${REQUIRED.has(name)}
    type=${attributes.type || "text"} list=${attributes.list || nothing} maxlength=${attributes.most || nothing}
    autocomplete="off" spellcheck="false"></label>`;
  const airports = (id, known) => html`<datalist id=${id}>${known.map(({ code, name, city }) =>
    html`<option value=${code}>${[city, name].filter(Boolean).join(", ")}</option>`)}</datalist>`;
  return html`<form class="ask" @submit=${submit}>
    ${field("origin", { list: "origins", most: 8 })}${field("destination", { list: "destinations", most: 8 })}
    ${field("scheduled_departure", { type: "datetime-local" })}
    ${field("airline", { list: "airlines", most: 8 })}${field("flight_number", { most: 8 })}
    ${field("as_of", { type: "datetime-local" })}
    <button class="primary" type="submit">${say("predict")}</button>
    ${airports("origins", codes.origins)}${airports("destinations", codes.destinations)}
    <datalist id="airlines">${codes.airlines.map((code) => html`<option value=${code}></option>`)}</datalist>
  </form>`;
}

const result = ({ request, predictions: [prediction], model }, target) => html`
  <section aria-label=${say("answer")} id="answer">${predictionPanel(prediction, target)}
    <p class="note">${say("answered_by", { version: model.version, until: date(model.trained_until) })}</p>
    <h2>${say("same_request")}</h2>
    ${snippet("curl", curlOf(location.origin, request, Boolean(key())))}
    ${snippet("Python", pythonOf(location.origin, request, Boolean(key())))}</section>`;

const snippet = (name, text) => html`<details class="snippet" open><summary>${name}</summary><pre tabindex="0">${text}</pre>
  <button @click=${(event) => copy(event.target, text)}>${say("copy")}</button></details>`;

async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  button.textContent = say("copied");
}
