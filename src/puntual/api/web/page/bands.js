// The five bands of delay as one bar, always with the words beside it or within reach.

import { html } from "./lit-html/lit-html.js";
import { percent } from "./format.js";
import { say, sayOf } from "./words.js";

export const sharesOf = (bands) => Object.values(bands);

export const describeBands = (bands) =>
  sharesOf(bands).map((share, place) => `${say("bands")[place]}: ${percent(share)}`).join(", ");

// Each band lies over those behind it, from the start of the bar to its own end, so that it needs no place but a width.
export function bandsBar(bands) {
  const [d, c, b, a] = endsOf(bands);
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=${describeBands(bands)}>
    <rect class="band4" width="100" height="10"></rect><rect class="band3" width=${d} height="10"></rect>
    <rect class="band2" width=${c} height="10"></rect><rect class="band1" width=${b} height="10"></rect>
    <rect class="band0" width=${a} height="10"></rect></svg>`;
}

// Where the bands end but for the last, of which there are the most: the fourth, the third, the second and the first.
export function endsOf(bands) {
  const [a, b, c, d] = sharesOf(bands);
  return [a + b + c + d, a + b + c, a + b, a].map((share) => Math.round(share * 1e4) / 100);
}

export const bandsLegend = (target) => html`<ul class="legend" aria-label=${sayOf(target, "delay")}>
  <li aria-hidden="true"><strong>${sayOf(target, "delay")}</strong></li>
  ${say("bands").map((name, place) => html`<li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
    <rect class="band${place}" width="10" height="10"></rect></svg>${name}</li>`)}
</ul>`;
