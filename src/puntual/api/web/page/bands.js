// The five bands of delay as one bar, always with the words beside it or within reach.

import { html } from "./lit-html/lit-html.js";
import { percent } from "./format.js";
import { say } from "./words.js";

export const sharesOf = (bands) => Object.values(bands);

export const describeBands = (bands) =>
  sharesOf(bands).map((share, place) => `${say("bands")[place]}: ${percent(share)}`).join(", ");

export function bandsBar(bands) {
  const [a, b, c, d, e] = sharesOf(bands).map((share) => share * 100);
  // Written out, since a board holds a thousand of them.
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=${describeBands(bands)}>
    <rect class="band0" width=${a} height="10"></rect><rect class="band1" x=${a} width=${b} height="10"></rect>
    <rect class="band2" x=${a + b} width=${c} height="10"></rect><rect class="band3" x=${a + b + c} width=${d} height="10"></rect>
    <rect class="band4" x=${a + b + c + d} width=${e} height="10"></rect></svg>`;
}

export const bandsLegend = () => html`<ul class="legend" aria-label=${say("delay")}>
  ${say("bands").map((name, place) => html`<li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
    <rect class="band${place}" width="10" height="10"></rect></svg>${name}</li>`)}
</ul>`;
