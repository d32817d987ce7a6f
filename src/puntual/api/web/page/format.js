// Numbers, times and dates as the reader's language writes them.

import { locale } from "./settings.js";

// Making a formatter takes longer than a thousand uses of it.
const made = new Map();
function formatter(kind, name, options) {
  const key = `${locale()} ${name}`;
  if (!made.has(key)) made.set(key, new kind(locale(), options));
  return made.get(key);
}

// A board says few different ones, thousands of times.
const percents = new Map();
export function percent(share) {
  const points = Math.round(share * 100);
  const name = `${locale()} ${points}`;
  if (!percents.has(name)) {
    const written = formatter(Intl.NumberFormat, "percent", { style: "percent", maximumFractionDigits: 0 });
    percents.set(name, written.format(points / 100));
  }
  return percents.get(name);
}

export const number = (value, digits = 0) =>
  formatter(Intl.NumberFormat, `number${digits}`, { minimumFractionDigits: digits > 1 ? digits : 0, maximumFractionDigits: digits }).format(value);

export const signed = (value) =>
  formatter(Intl.NumberFormat, "signed", { maximumFractionDigits: 0, signDisplay: "exceptZero" }).format(value);

// Hours and minutes of a local time such as 2017-10-03T23:30, or of the same moment in UTC.
export const clock = (shown, zone, utc) =>
  utc ? `${new Date(instant(shown, zone)).toISOString().slice(11, 16)}Z` : shown.slice(11, 16);

export const day = (shown) =>
  formatter(Intl.DateTimeFormat, "day", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).format(
    Date.parse(`${shown.slice(0, 10)}T00:00Z`),
  );

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
