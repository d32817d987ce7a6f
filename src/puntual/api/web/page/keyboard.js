// Everything by keyboard: single keys outside of fields, unless a person switched them off.

import { hasShortcuts } from "./settings.js";

const WRITING = "input, select, textarea, [contenteditable]";

export function watchKeys(view, showHelp) {
  const common = {
    "/": () => document.getElementById("search")?.focus(),
    "?": showHelp,
    j: () => step(1),
    k: () => step(-1),
  };
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.matches?.("#search")) event.target.blur();
    if (isWriting(event.target) || event.ctrlKey || event.metaKey || event.altKey || !hasShortcuts()) return;
    const act = view().keys?.[event.key] || common[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

// A field of a dialog that has just closed keeps the focus until the page is painted, and nobody writes in it.
const isWriting = (target) =>
  document.querySelector("dialog[open]") || (target.matches?.(WRITING) && !target.closest("dialog"));

function step(by) {
  const links = [...document.querySelectorAll("table.board th a")];
  const place = links.indexOf(document.activeElement);
  links[place < 0 ? 0 : Math.min(Math.max(place + by, 0), links.length - 1)]?.focus();
}
