// A table of flights that is dropped on the page: it comes back with predictions, to look at and to take away.

import { html, nothing } from "./lit-html/lit-html.js";
import { parseCsv, writeCsv } from "./csv.js";
import { number, percent } from "./format.js";
import { call } from "./service.js";
import { say } from "./words.js";

const WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const ADDED = ["late_probability", "late", "expected_delay_minutes", "p50", "p80", "p95", "warnings"];
const SHARES = new Set(["late_probability"]);
const NUMBERS = new Set(["expected_delay_minutes", "p50", "p80", "p95"]);

export function createTableDrop(shell) {
  let table = null;
  let refusal = "";
  let waiting = false;

  async function take(file) {
    if (!file) return;
    refusal = "";
    table = null;
    if (!/\.(csv|xlsx)$/i.test(file.name)) {
      refusal = say("only_csv", { name: file.name });
      return shell.update();
    }
    waiting = true;
    shell.update();
    try {
      const text = /\.xlsx$/i.test(file.name) ? await sheetOf(file) : await file.text();
      const answer = await call("/invocations", { method: "POST", body: text, type: "text/csv", accept: "text/csv" });
      table = joined(file.name, parseCsv(text.replace(/^\uFEFF/, "")), parseCsv(await answer.text()));
    } catch (error) {
      if (error.status === 401) shell.fail(error);
      else if (error.status === 415) refusal = say("no_xlsx", { name: file.name });
      else refusal = say("failed", { reason: error.message });
    }
    waiting = false;
    shell.announce(table ? say("flights", { n: number(table.rows.length) }) : refusal);
    shell.update();
  }

  function drop(event) {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  }

  return {
    template: () => html`<section class="drop" @dragover=${(event) => event.preventDefault()} @drop=${drop}>
      <h2>${say("table")}</h2>
      <label class="field"><span>${say("table_hint")}</span>
        <input type="file" accept=".csv,.xlsx,text/csv" @change=${(event) => take(event.target.files[0])}></label>
      ${waiting ? html`<p>${say("loading")}</p>` : nothing}
      ${refusal ? html`<p class="failure" role="alert">${refusal}</p>` : nothing}
      ${table ? result(table) : nothing}</section>`,
  };
}

// A service without the library that reads workbooks says so.
const sheetOf = async (file) => (await call("/tables", { method: "POST", body: file, type: WORKBOOK, accept: "text/csv" })).text();

function joined(name, [header, ...rows], [names, ...predictions]) {
  const all = rows.map((row, place) => [...row, ...predictions[place]]);
  const places = ADDED.map((column) => names.indexOf(column));
  return {
    name: name.replace(/\.(csv|xlsx)$/i, "-predicted.csv"), header, rows, predictions, places,
    text: writeCsv([[...header, ...names], ...all]),
  };
}

function result({ name, header, rows, predictions, places, text }) {
  const save = (event) => {
    const link = event.target;
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return html`<p><a href="#download" download=${name} @click=${save}>${say("download", { name })}</a></p>
    <div class="scroll" tabindex="0" role="region" aria-label=${say("table")}><table class="figures">
      <thead><tr>${[...header, ...ADDED].map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
      <tbody>${rows.map((row, line) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}
        ${places.map((place, column) => html`<td>${cellOf(ADDED[column], predictions[line]?.[place] ?? "")}</td>`)}</tr>`)}
      </tbody></table></div>`;
}

const cellOf = (column, text) =>
  text && SHARES.has(column) ? percent(+text) : text && NUMBERS.has(column) ? number(+text) : text;
