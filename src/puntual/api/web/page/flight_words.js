// What is known of a flight, in words.

import { html, nothing } from "./lit-html/lit-html.js";
import { minutesOverdue } from "./board_rows.js";
import { minutesBetween, number, signed } from "./format.js";
import { say, sayPoints } from "./words.js";

const SIGNS = { up: "▲", down: "▼", new: "●", changed: "◆" };

export const flightAddress = (flight, filters) => `/?view=flight&airport=${encodeURIComponent(flight.origin)}&airline=${
  encodeURIComponent(flight.airline)}&number=${encodeURIComponent(flight.flight_number)}&departure=${
  encodeURIComponent(flight.scheduled_departure)}${filters.as_of ? `&as_of=${encodeURIComponent(filters.as_of)}` : ""}${
  filters.utc ? "&utc=1" : ""}`;

export function stateOf(flight, now, shown) {
  if (flight.status === "cancelled") return say("cancelled_at", { time: shown(flight.cancelled_at) });
  const landed = flight.arrived_at && say("landed_at", { time: flight.arrived_at.slice(11, 16) });
  if (flight.left_at) {
    const delay = signed(minutesBetween(flight.scheduled_departure, flight.left_at));
    const left = say("left_at", { time: shown(flight.left_at), delay });
    return landed ? `${left}, ${landed}` : left;
  }
  if (landed) return landed;
  const expected = flight.expected_departure && say("expected_at", { time: shown(flight.expected_departure) });
  if (flight.status !== "overdue") return expected || say("scheduled");
  const overdue = say("overdue_by", { n: number(minutesOverdue(flight, now)) });
  return html`<strong>${overdue}</strong>${expected ? html`, ${expected}` : nothing}`;
}

export const rangeOf = ({ p50, p95 }) =>
  say("range", { low: number(Math.max(p50, 0)), high: number(Math.max(p95, 0)) });

export const largestReasons = (reasons, most) =>
  [...reasons].filter(({ effect }) => Math.abs(effect) >= 0.005)
    .sort((one, other) => Math.abs(other.effect) - Math.abs(one.effect)).slice(0, most);

// What is known of a reason says more than the name of its group.
export function reasonOf(group, { inbound, expected_departure }, shown) {
  if (group === "aircraft's previous leg" && inbound?.late_minutes > 0) {
    return say("lands_late", { n: number(inbound.late_minutes) });
  }
  if (group === "revised time" && expected_departure) return say("expected_at", { time: shown(expected_departure) });
  return say("reasons")[group] || group;
}

export const shortReasons = (flight, shown) => html`${largestReasons(flight.prediction.reasons, 2).map(({ group, effect }) => html`<span class="reason">${reasonOf(group, flight, shown)}:
    ${sayPoints(effect, signed(effect * 100))}</span> `)}`;

export function aircraftOf({ tail, inbound }, shown) {
  if (!inbound) return tail || "";
  const words = say(inbound.status === "arrived" ? "inbound_landed" : "inbound_lands", {
    flight: `${inbound.airline} ${inbound.flight_number}`, from: inbound.origin, time: shown(inbound.lands) });
  return html`${tail} · ${words}, <span class=${inbound.buffer_minutes < 0 ? "tight" : ""}>${say(
    inbound.buffer_minutes < 0 ? "short" : "buffer", { n: number(Math.abs(inbound.buffer_minutes)) })}</span>`;
}

export function markOf(mark) {
  const status = say(mark.status || "");
  const text = say(mark.kind, { n: number(mark.points || 0), status });
  return html` <span class="mark ${mark.kind}" title=${text}><span aria-hidden="true">${SIGNS[mark.kind]}${mark.points
    ? number(mark.points) : ""}</span><span class="unseen">${text}</span></span>`;
}
