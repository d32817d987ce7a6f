// Where a person stands with the keyboard: on the same thing when the page is drawn anew, and back on the link that led away.

let wanted = "";
const isNowhere = (element) => element === document.body || element.id === "content";

// On a line that is gone a person stands on the next one, and where there is none after it on the one before.
export function keepFocus(draw) {
  const focused = document.activeElement;
  const row = focused.closest("tbody tr");
  const rows = row ? [...row.closest("table").rows] : [];
  draw();
  if (wanted) focusWanted();
  if (focused === document.activeElement || isNowhere(focused)) return;
  const place = rows.indexOf(row);
  const near = [row, ...rows.slice(place + 1), ...rows.slice(0, Math.max(place, 0)).reverse()];
  const next = focused.isConnected ? focused : near.find((one) => one?.isConnected && one.querySelector("a"))?.querySelector("a");
  next?.focus({ preventScroll: true });
}

// The place in the history that is left remembers the link that was followed from it.
export function rememberLink() {
  const link = document.activeElement.closest("main a[data-link]");
  history.replaceState({ link: link?.getAttribute("href") || "" }, "");
}

// A view that stands anew is read from its beginning, and one that was come back to from where it was left.
export function enterView(state) {
  wanted = state?.link || "";
  document.getElementById("content")?.focus({ preventScroll: true });
  if (wanted) focusWanted();
}

function focusWanted() {
  if (!isNowhere(document.activeElement)) return;
  const link = [...document.querySelectorAll("main a[data-link]")].find((one) => one.getAttribute("href") === wanted);
  if (!link) return;
  wanted = "";
  link.focus();
}
