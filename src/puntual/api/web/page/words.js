// What the page says, in the language of the reader.

import { EN } from "./english.js";
import { language } from "./settings.js";
import { ES } from "./spanish.js";

const LANGUAGES = { en: EN, es: ES };

// What is said of a delay depends on which one the model predicts; of none, as while there is no model, on that of departure.
export const sayOf = (target, name, values) => say(`${name}_${target || "departure"}`, values);

// The head of a column, of which that of the probability is about that delay.
export const headOf = (name, target) => (name === "late" ? sayOf(target, name) : say(name));

// Of one point there is a word of its own.
export const sayPoints = (effect, text) => say(Math.round(Math.abs(effect) * 100) === 1 ? "point" : "points", { n: text });

// A text by its name, with what stands in braces filled in.
export function say(name, values = {}) {
  const text = LANGUAGES[language()][name];
  return typeof text === "string" ? text.replace(/\{(\w+)\}/g, (_, field) => values[field]) : text;
}
