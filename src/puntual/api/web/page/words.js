// What the page says, in the language of the reader.

import { EN } from "./english.js";
import { language } from "./settings.js";
import { ES } from "./spanish.js";

const LANGUAGES = { en: EN, es: ES };

// A text by its name, with what stands in braces filled in.
export function say(name, values = {}) {
  const text = LANGUAGES[language()][name];
  return typeof text === "string" ? text.replace(/\{(\w+)\}/g, (_, field) => values[field]) : text;
}
