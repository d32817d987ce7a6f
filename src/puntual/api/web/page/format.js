// Numbers, times and dates as the reader's language writes them.

import { locale } from "./settings.js";

// Making a formatter takes longer than a thousand uses of it.
const made = new Map();
// A board says few different shares and numbers, thousands of times.
const written = new Map();
let madeFor = "";

// What was made for another language is of no use in this one.
function renew() {
  if (madeFor === locale()) return;
  made.clear();
  written.clear();
  madeFor = locale();
}

function formatter(kind, name, options) {
  renew();
  if (!made.has(name)) made.set(name, new kind(locale(), options));
  return made.get(name);
}

// One text for each of the whole numbers that `name` is used for.
function writeWhole(name, options, value) {
  renew();
  if (!written.has(name)) written.set(name, new Map());
  const texts = written.get(name);
  if (!texts.has(value)) texts.set(value, formatter(Intl.NumberFormat, name, options).format(value));
  return texts.get(value);
}

const WHOLE = { maximumFractionDigits: 0 };
const PERCENT = { style: "percent", maximumFractionDigits: 0 };

export const percent = (share, digits = 0) => digits
  ? formatter(Intl.NumberFormat, `percent${digits}`, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share)
  : writeWhole("percent", PERCENT, Math.round(share * 100) / 100);

export const number = (value, digits = 0) => digits
  ? formatter(Intl.NumberFormat, `number${digits}`, { minimumFractionDigits: digits > 1 ? digits : 0, maximumFractionDigits: digits }).format(value)
  : writeWhole("number", WHOLE, Math.round(value) + 0); // Never a zero below zero.

export const signed = (value) =>
  formatter(Intl.NumberFormat, "signed", { maximumFractionDigits: 0, signDisplay: "exceptZero" }).format(value).replace("-", "−");

// Hours and minutes of a local time such as 2017-10-03T23:30, or of the same moment in UTC.
export const clock = (shown, zone, utc) =>
  utc ? `${new Date(instant(shown, zone)).toISOString().slice(11, 16)}Z` : shown.slice(11, 16);

export const day = (shown) =>
  formatter(Intl.DateTimeFormat, "day", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).format(
    Date.parse(`${shown.slice(0, 10)}T00:00Z`),
  );

// A day with its year, as models name theirs.
export const date = (shown) => (shown ? formatter(Intl.DateTimeFormat, "date", { dateStyle: "medium", timeZone: "UTC" }).format(
  Date.parse(`${shown.slice(0, 10)}T00:00Z`),
) : "–");

export const lengthOf = (minutes) => (minutes < 120 ? `${number(minutes)} min` : `${number(minutes / 60)} h`);

// The day of a local time, or of the same moment in UTC.
export const dayOf = (shown, zone, utc) => day(utc ? new Date(instant(shown, zone)).toISOString() : shown);

export const weekday = (shown) =>
  formatter(Intl.DateTimeFormat, "weekday", { weekday: "short", timeZone: "UTC" }).format(Date.parse(`${shown.slice(0, 10)}T00:00Z`));

// A moment on the clocks of a zone, to the minute.
export function local(moment, zone) {
  const clocks = formatter(Intl.DateTimeFormat, zone, {
    calendar: "iso8601", numberingSystem: "latn", timeZone: zone, hourCycle: "h23",
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });
  const part = Object.fromEntries(clocks.formatToParts(moment).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

// The moment at which the clocks of a zone show a local time.
export function instant(shown, zone) {
  const guess = Date.parse(`${shown}Z`);
  const offset = (moment) => Date.parse(`${local(moment, zone)}Z`) - Math.floor(moment / 60_000) * 60_000;
  return guess - offset(guess - offset(guess));
}

export const minutesBetween = (earlier, later) =>
  Math.round((Date.parse(`${later}Z`) - Date.parse(`${earlier}Z`)) / 60_000);

// A time without an offset, moved by minutes on the same clocks.
export const moved = (shown, minutes) =>
  new Date(Date.parse(`${shown}Z`) + minutes * 60_000).toISOString().slice(0, 16);
