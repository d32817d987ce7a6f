// What a person chose: language, colours and keyboard for this browser, all else in the URL.

const LANGUAGE = "puntual-language";
const COLOURS = "puntual-colours";
const SHORTCUTS = "puntual-shortcuts";
export const LANGUAGES = { en: "English", es: "Español" };
const LOCALES = { en: navigator.languages.find((tag) => tag.startsWith("en")) || "en-GB", es: "es-CL" };

let current = preferredLanguage();

export const language = () => current;
export const locale = () => LOCALES[current];

function preferredLanguage() {
  const wanted = [localStorage.getItem(LANGUAGE), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find((tag) => tag in LANGUAGES) || "en";
}

export function chooseLanguage(value) {
  localStorage.setItem(LANGUAGE, value);
  applyChoices();
}

export const colours = () => localStorage.getItem(COLOURS) || "";

export function chooseColours(value) {
  localStorage.setItem(COLOURS, value);
  applyChoices();
}

export const hasShortcuts = () => localStorage.getItem(SHORTCUTS) !== "off";
export const chooseShortcuts = (on) => localStorage.setItem(SHORTCUTS, on ? "on" : "off");

export function applyChoices() {
  current = preferredLanguage();
  document.documentElement.lang = current === "es" ? "es-CL" : "en";
  document.documentElement.dataset.colours = colours();
}

export const inUrl = () => new URLSearchParams(location.search);

// The address with some parameters changed; an empty one is left out.
export function address(changes, from = inUrl()) {
  const parameters = new URLSearchParams(from);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "" || value === null || value === undefined) parameters.delete(name);
    else parameters.set(name, value);
  }
  const text = parameters.toString();
  return text ? `/?${text}` : "/";
}
