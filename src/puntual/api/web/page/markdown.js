// The card of a model as it is written: headings, lists, tables and paragraphs, all else as text.

import { html } from "./lit-html/lit-html.js";

export const markdown = (text) => text.trim().split(/\n{2,}/).map(block);

function block(text) {
  const lines = text.split("\n");
  if (text.startsWith("#")) return html`${heading(lines[0])}${lines.length > 1 ? block(lines.slice(1).join("\n")) : ""}`;
  if (text.startsWith("```")) return html`<pre tabindex="0">${lines.slice(1, -1).join("\n")}</pre>`;
  if (lines.every((line) => line.startsWith("|"))) return table(lines.map(cells));
  if (lines[0].startsWith("- ")) return html`<ul>${text.slice(2).split(/\n- /).map((item) => html`<li>${plain(item)}</li>`)}</ul>`;
  return html`<p>${plain(text)}</p>`;
}

// The page has a heading of its own above those of the card.
function heading(line) {
  const [, signs, text] = line.match(/^(#+) (.*)$/);
  return signs.length < 3 ? html`<h2>${plain(text)}</h2>` : html`<h3>${plain(text)}</h3>`;
}

const cells = (line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim());

const table = ([header, , ...rows]) => html`<div class="scroll" tabindex="0"><table class="figures">
  <thead><tr>${header.map((cell) => (cell ? html`<th scope="col">${plain(cell)}</th>` : html`<td></td>`))}</tr></thead>
  <tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${plain(first)}</th>${rest.map((cell) =>
    html`<td>${plain(cell)}</td>`)}</tr>`)}</tbody></table></div>`;

const plain = (text) => text.replace(/\\([\\`*_{}[\]()#+\-.!|<>~])/g, "$1").replace(/\*\*|`/g, "");
