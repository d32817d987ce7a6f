// Which flights of a board are shown, in which order, and which of them are to be watched.

import { minutesBetween } from "./format.js";

export const DEFAULTS = { hours: "12", watch: "10", order: "risk", state: "open", threshold: "0" };
const GONE = ["left", "arrived", "cancelled"];

const names = new WeakMap();

// Written once for a flight, since a board asks for it at every turn.
export function nameOf(flight) {
  if (!names.has(flight)) {
    names.set(flight, `${flight.airline} ${flight.flight_number} ${flight.origin} ${flight.scheduled_departure}`);
  }
  return names.get(flight);
}

export const isOpen = (flight) => !GONE.includes(flight.status);

export const chanceOf = (flight) => flight.prediction?.late_probability ?? -1;

const byTime = (one, other) =>
  one.scheduled_departure < other.scheduled_departure ? -1 : +(one.scheduled_departure > other.scheduled_departure);
const byRisk = (one, other) => chanceOf(other) - chanceOf(one) || byTime(one, other);

// What is to be watched most comes first: flights that are overdue, those still to leave, then all others.
const rank = (flight) => (flight.status === "overdue" ? 0 : isOpen(flight) ? 1 : 2);

export function filtersOf(parameters) {
  const given = (name) => parameters.get(name) || DEFAULTS[name] || "";
  const whole = (name, most) => Math.min(Math.max(Math.round(+given(name)) || +DEFAULTS[name] || 0, 0), most);
  return {
    airport: given("airport").toUpperCase(), as_of: given("as_of"), utc: given("utc") === "1",
    hours: whole("hours", 120), watch: whole("watch", 50), threshold: whole("threshold", 100),
    order: given("order"), state: given("state"), airline: given("airline").toUpperCase(),
    destination: given("destination").toUpperCase(), q: given("q"),
  };
}

export function rowsOf(flights, filters) {
  const watched = new Set([...flights].filter(isOpen).sort((one, other) => rank(one) - rank(other) || byRisk(one, other))
    .slice(0, filters.watch).map(nameOf));
  // Of those that are overdue, and of those that are gone, the oldest comes first whatever the order.
  const order = [byTime, filters.order === "time" ? byTime : byRisk, byTime];
  return flights.filter((flight) => isShown(flight, filters))
    .sort((one, other) => rank(one) - rank(other) || order[rank(one)](one, other))
    .map((flight) => ({ flight, name: nameOf(flight), isWatched: watched.has(nameOf(flight)) }));
}

export function isShown(flight, { airline, destination, threshold, state, q }) {
  if (state === "open" ? !isOpen(flight) : state !== "all" && flight.status !== state) return false;
  if (airline && flight.airline !== airline) return false;
  if (destination && flight.destination !== destination) return false;
  if (threshold && chanceOf(flight) * 100 < threshold && flight.status !== "overdue") return false;
  if (!q) return true;
  const text = `${flight.airline}${flight.flight_number} ${flight.airline} ${flight.flight_number} ${flight.destination || ""} ${flight.tail || ""}`;
  return text.toLowerCase().includes(q.toLowerCase());
}

export const minutesOverdue = (flight, now) => minutesBetween(flight.scheduled_departure, now);

export const countsOf = (flights) => ({
  all: flights.length,
  overdue: flights.filter((flight) => flight.status === "overdue").length,
  left: flights.filter((flight) => flight.status === "left" || flight.status === "arrived").length,
  cancelled: flights.filter((flight) => flight.status === "cancelled").length,
});
