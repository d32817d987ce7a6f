// What stands before the page for a moment: the question for a key, and the keys of the keyboard.

import { html, nothing } from "./lit-html/lit-html.js";
import { chooseShortcuts, hasShortcuts } from "./settings.js";
import { say } from "./words.js";

export function keyDialog({ wasWrong, use }) {
  const submit = (event) => {
    event.preventDefault();
    const field = event.target.elements.key;
    event.target.closest("dialog").close();
    use(field.value.trim());
    field.value = "";
  };
  return html`<dialog id="key-dialog" aria-labelledby="key-title">
    <form @submit=${submit}>
      <h2 id="key-title">${say("key_needed")}</h2>
      ${wasWrong ? html`<p class="wrong">${say("key_wrong")}</p>` : nothing}
      <p>${say("key_why")}</p>
      <label class="field"><span>${say("key")}</span>
        <input name="key" type="password" required autocomplete="off" spellcheck="false" size="40"></label>
      <p><button type="submit" class="primary">${say("use_key")}</button>
        <button type="button" @click=${closest}>${say("close")}</button></p>
    </form>
  </dialog>`;
}

export const helpDialog = () => html`<dialog id="help-dialog" aria-labelledby="help-title">
  <h2 id="help-title">${say("help")}</h2>
  <dl>${say("keys").map(([keys, meaning]) => html`<div><dt>${keys.split(", ").map((one) => html`<kbd>${one}</kbd> `)}</dt>
    <dd>${meaning}</dd></div>`)}</dl>
  <p><label><input type="checkbox" .checked=${hasShortcuts()} @change=${(event) => chooseShortcuts(event.target.checked)}>
    ${say("shortcuts")}</label></p>
  <p><button @click=${closest}>${say("close")}</button></p>
</dialog>`;

const closest = (event) => event.target.closest("dialog").close();
