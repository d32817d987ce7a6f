// What changed since a person last looked: kept by the browser for each airport, marked and never animated.

import { chanceOf, isOpen, nameOf } from "./board_rows.js";

// A move of fewer points is not worth a look.
const POINTS = 0.05;
const kept = (airport) => `puntual-looked-${airport}`;

export function look(board) {
  const flights = Object.fromEntries(
    board.flights.filter(isOpen).map((flight) => [nameOf(flight), [chanceOf(flight), flight.status]]),
  );
  const looked = { as_of: board.as_of, flights };
  localStorage.setItem(kept(board.airport), JSON.stringify(looked));
  return looked;
}

// What was seen then; a look of another day is as good as none.
export function lastLook(board) {
  try {
    const looked = JSON.parse(localStorage.getItem(kept(board.airport)));
    return looked.as_of.slice(0, 10) === board.as_of.slice(0, 10) && looked.as_of <= board.as_of ? looked : null;
  } catch {
    return null;
  }
}

export function changesSince(looked, board) {
  const marks = new Map();
  const now = new Map(board.flights.map((flight) => [nameOf(flight), flight]));
  for (const [name, flight] of now) {
    const mark = isOpen(flight) && changeOf(looked.flights[name], flight);
    if (mark) marks.set(name, mark);
  }
  const gone = Object.keys(looked.flights).filter((name) => !now.has(name) || !isOpen(now.get(name)));
  const count = (kind) => [...marks.values()].filter((mark) => mark.kind === kind).length;
  return { marks, gone, up: count("up"), down: count("down"), new: count("new") };
}

function changeOf(before, flight) {
  if (!before) return { kind: "new" };
  const moved = chanceOf(flight) - before[0];
  if (moved >= POINTS) return { kind: "up", points: moved * 100 };
  if (moved <= -POINTS) return { kind: "down", points: -moved * 100 };
  return before[1] === flight.status ? null : { kind: "changed", status: before[1] };
}
