// The lines of a board: those of flights that did not change are left as they stand, and no more are moved than have to be.

import { FlightLine } from "./flight_line.js";
import { locale } from "./settings.js";

// So many stand in a group, of which a browser lays out those in sight alone.
const GROUP = 25;
const SIGHT = "contentvisibilityautostatechange";

export function createLines() {
  const cut = document.createElement("tr");
  cut.className = "cut";
  const ofRow = new WeakMap();
  let lines = new Map();
  let groups = [];

  function newGroup(rows, place) {
    const group = document.createElement("tbody");
    group.addEventListener(SIGHT, ({ skipped }) => skipped || showBars(group));
    // Where no browser says what is in sight, and on the first screen, all stands at once.
    if (!place || !(`on${SIGHT}` in group)) for (const row of rows) ofRow.get(row)?.showBar();
    return group;
  }

  const showBars = (group) => {
    for (const row of group.children) ofRow.get(row)?.showBar();
  };
  addEventListener("beforeprint", () => groups.forEach(showBars));

  return {
    // Gives the groups of `rows` in their order, and after so many of them the line that says where those to watch end.
    show(rows, context, { after, text, columns }) {
      const version = versionOf(context);
      const former = lines;
      lines = new Map(rows.map((row) => [row.name, former.get(row.name) || new FlightLine()]));
      for (const row of rows) lines.get(row.name).show(row, context, version);
      const wanted = [...lines.values()].map((line) => {
        ofRow.set(line.row, line);
        return line.row;
      });
      if (after > 0) {
        cut.replaceChildren(Object.assign(document.createElement("td"), { colSpan: columns, textContent: text }));
        wanted.splice(after, 0, cut);
      }
      groups = arrange(groups, wanted, newGroup);
      return groups;
    },
  };
}

const versionOf = ({ filters, board, act }) =>
  [locale(), filters.utc, filters.as_of, board.time_zone, board.as_of.slice(0, 10), Boolean(act)].join(" ");

function arrange(groups, wanted, newGroup) {
  const kept = new Set(wanted);
  for (const group of groups) for (const row of [...group.children]) if (!kept.has(row)) row.remove();
  const count = Math.ceil(wanted.length / GROUP);
  return Array.from({ length: count }, (_, place) => {
    const rows = wanted.slice(place * GROUP, (place + 1) * GROUP);
    const group = groups[place] || newGroup(rows, place);
    fillGroup(group, rows);
    return group;
  });
}

// What stands behind `rows` in a group then belongs to another, which takes it.
function fillGroup(group, rows) {
  let next = group.firstChild;
  for (const row of rows) {
    if (row !== next && next?.nextSibling === row) {
      // That in the way went further down, so that those behind it need not move.
      const late = next;
      next = row;
      move(group, late, null);
    }
    if (row === next) next = next.nextSibling;
    else move(group, row, next);
  }
}

// Browsers that can move what has the focus without taking it away do.
function move(group, row, next) {
  if (group.moveBefore && group.isConnected && row.isConnected) group.moveBefore(row, next);
  else group.insertBefore(row, next);
}
