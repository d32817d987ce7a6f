// What the page says, in the language of the reader.

import { EN } from "./english.js";
import { language } from "./settings.js";
import { ES } from "./spanish.js";

const LANGUAGES = { en: EN, es: ES };

// What is said of a delay depends on which one the model predicts; of none, as while there is no model, on that of departure.
export const sayOf = (target, name, values) => say(`${name}_${target || "departure"}`, values);

// The head of a column, two of which are about that delay.
export const headOf = (name, target) => (name === "late" || name === "delay" ? sayOf(target, name) : say(name));

// A text by its name, with what stands in braces filled in.
export function say(name, values = {}) {
  const text = LANGUAGES[language()][name];
  return typeof text === "string" ? text.replace(/\{(\w+)\}/g, (_, field) => values[field]) : text;
}
