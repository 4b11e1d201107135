// The journal inside a report's file: packed pieces of lines, each a script element that never runs.

import type { Journal } from "./journal.ts";

export const PIECES = 'script[type="application/x-hublab-journal"]';

async function unpack(packed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

/** Hand the pieces to a journal one after the other, and free their text. */
export async function readEmbedded(journal: Journal, page: Document): Promise<void> {
  for (const piece of page.querySelectorAll<HTMLScriptElement>(PIECES)) {
    const lines = (await unpack(piece.textContent ?? "")).split("\n");
    journal.addLines(lines, piece.dataset.stream ?? "");
    piece.remove();
  }
}
