// Another champion: proposed by one click, and done by a second on words that repeat what it does.

import { html, nothing } from "./lit-html/lit-html.js";
import { date } from "./format.js";
import { read } from "./service.js";
import { say } from "./words.js";

export function createChange(shell, refresh) {
  let proposed = null;
  let done = null;
  let failed = null;
  const dialog = () => document.getElementById("change-dialog");

  async function carryOut() {
    const { next, champion, isBack } = proposed;
    const query = champion ? `?instead_of=${champion}` : "";
    const path = isBack ? `/models/rollback${query}` : `/models/${next.version}/promote${query}`;
    dialog().close();
    try {
      done = await read(path, { method: "POST" });
      failed = null;
      shell.announce(say("champion_set", done));
    } catch (error) {
      done = null;
      failed = { error, command: isBack ? "puntual models rollback" : `puntual models promote ${next.version}` };
      if (error.status === 401) shell.fail(error);
    }
    refresh();
  }

  return {
    propose(change) {
      proposed = change;
      done = failed = null;
      shell.update();
      dialog().showModal();
    },
    get proposed() {
      return proposed;
    },
    carryOut,
    result: () => (done ? html`<p class="done" role="status">${say("champion_set", done)}
        ${done.answers === done.version ? nothing : say("not_answering")}</p>`
      : failed ? html`<div class="failure" role="alert"><p>${say("failed", { reason: failed.error.message })}</p>
        <p>${say("by_command")} <code>${failed.command}</code></p></div>` : nothing),
  };
}

export const changeDialog = ({ proposed, carryOut }) => html`<dialog id="change-dialog" aria-labelledby="change-title">
  ${proposed ? html`<h2 id="change-title">${say(proposed.isBack ? "roll_back" : "promote")}</h2>
    <p>${say(proposed.isBack ? "back_means" : "promote_means", {
      version: proposed.next.version, candidate: proposed.next.candidate || "", until: date(proposed.next.trained_until),
      champion: proposed.champion || "–" })}</p>
    <p>${say("for_all")}</p>
    <p><button class="primary" @click=${carryOut}>${say(proposed.isBack ? "back_to" : "promote_it", { version: proposed.next.version })}</button>
      <button @click=${(event) => event.target.closest("dialog").close()}>${say("leave_it")}</button></p>` : html`<h2 id="change-title"></h2>`}
</dialog>`;
