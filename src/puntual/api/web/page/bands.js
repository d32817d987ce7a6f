// The five bands of delay as one bar, always with the words beside it or within reach.

import { html, svg } from "./lit-html/lit-html.js";
import { percent } from "./format.js";
import { say } from "./words.js";

export const sharesOf = (bands) => Object.values(bands);

export const describeBands = (bands) =>
  sharesOf(bands).map((share, place) => `${say("bands")[place]}: ${percent(share)}`).join(", ");

export function bandsBar(bands) {
  let from = 0;
  const parts = sharesOf(bands).map((share, place) => {
    const part = svg`<rect class="band${place}" x=${from * 100} width=${share * 100} height="10"></rect>`;
    from += share;
    return part;
  });
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img"
    aria-label=${describeBands(bands)}>${parts}</svg>`;
}

export const bandsLegend = () => html`<ul class="legend" aria-label=${say("delay")}>
  ${say("bands").map((name, place) => html`<li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
    <rect class="band${place}" width="10" height="10"></rect></svg>${name}</li>`)}
</ul>`;
