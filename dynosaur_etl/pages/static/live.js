// Reads the part "Now" again every few seconds, as long as the page is looked at.
"use strict";

const EVERY_MS = 5000;
const part = document.getElementById("live");
let shown = part.innerHTML;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(part.dataset.address, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const text = await answer.text();
  if (text === shown) return; // a screen reader is told of changes only
  shown = text;
  const made = new DOMParser().parseFromString(text, "text/html");
  part.replaceChildren(...made.body.childNodes);
}

setInterval(() => refresh().catch(() => {}), EVERY_MS);
