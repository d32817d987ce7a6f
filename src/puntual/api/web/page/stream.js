// Server-sent events, read with fetch: the key is a header, and a connection that says nothing is a dead one.

import { call } from "./service.js";

const SILENCE = 25_000;

// Calls `take` with the name and the content of each event; returns when the other side ends, and throws when it is lost.
export async function follow(path, take, signal) {
  const lost = new AbortController();
  const answer = await call(path, { signal: AbortSignal.any([signal, lost.signal]), accept: "text/event-stream" });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const silence = setTimeout(() => lost.abort(), SILENCE);
    const { done, value } = await reader.read();
    clearTimeout(silence);
    if (done) return;
    text += value;
    // A board comes on one line in many pieces, of which only the last ends it.
    if (!value.includes("\n")) continue;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").filter((line) => !line.startsWith(":")).map((line) =>
        [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]));
      if (fields.event) take(fields.event, JSON.parse(fields.data));
    }
  }
}
