// What people do about a flight: in hand, handed over, let go, and notes; each is signed with the name of the key.

import { html, nothing } from "./lit-html/lit-html.js";
import { call } from "./service.js";
import { say } from "./words.js";

export async function mark(flight, kind, note) {
  const { airline, flight_number, origin, scheduled_departure } = flight;
  const body = { kind, airline, flight_number, origin, scheduled_departure, ...(note ? { note } : {}) };
  return (await call("/flights/marks", { method: "POST", body })).json();
}

export function whoHas({ marks }, shown) {
  if (!marks?.open_since) return nothing;
  const time = shown(marks.open_since);
  return marks.acknowledged_by ? say("in_hand_of", { name: marks.acknowledged_by, time })
    : say("handed_over", { name: marks.handed_over_by, time });
}

// In a line of the board: who has it, how many notes there are, and a button where nobody has it.
export const inHand = (flight, shown, act) => !act && !flight.marks ? nothing : html`${whoHas(flight, shown)}
  ${flight.marks?.notes?.length ? html` <span class="notes">${say("notes_n", { n: flight.marks.notes.length })}</span>` : nothing}
  ${act && !flight.marks?.acknowledged_by ? html`<button @click=${() => act(flight, "acknowledged")} aria-label=${say("take_flight", {
    flight: `${flight.airline} ${flight.flight_number}` })}>${say("take")}</button>` : nothing}`;

export function marksPanel(flight, shown, act) {
  const submit = (event) => {
    event.preventDefault();
    act(flight, "note", event.target.elements.note.value);
    event.target.reset();
  };
  const button = (kind, name) => html`<button type="button" @click=${() => act(flight, kind)}>${say(name)}</button> `;
  return html`<section class="marks"><h2>${say("in_hand")}</h2>
    <p>${flight.marks?.open_since ? whoHas(flight, shown) : say("nobody")}
      ${!act ? nothing : flight.marks?.acknowledged_by ? button("handed_over", "hand_over") : button("acknowledged", "take")}
      ${act && flight.marks?.open_since ? button("released", "release") : nothing}</p>
    ${flight.marks?.notes?.length ? html`<ul>${flight.marks.notes.map(({ by, at, text }) => html`<li><bdi>${text}</bdi>
      <small>${by}, ${shown(at)}</small></li>`)}</ul>` : nothing}
    ${act ? html`<form @submit=${submit}><label class="field"><span>${say("note")}</span>
      <input name="note" maxlength="500" required size="40" autocomplete="off"></label>
      <button type="submit">${say("add_note")}</button></form>` : nothing}</section>`;
}
