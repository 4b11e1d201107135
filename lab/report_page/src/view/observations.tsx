// What probes saw, each with all of its evidence.

import { useState } from "preact/hooks";

import type { Test } from "../data/journal.ts";
import { type Row, rowsOf } from "../data/rows.ts";
import { since } from "../data/words.ts";

const STEP = 50;

export function Observations({ test }: { test: Test }) {
  const [most, setMost] = useState(STEP);
  const rows = rowsOf(test).filter((row) => row.kind === "probe");
  if (!rows.length) return null;
  return (
    <section aria-labelledby="observations">
      <h2 id="observations">Observations</h2>
      {rows.slice(0, most).map((row, index) => <Observation key={index} row={row} test={test} />)}
      {rows.length > most && <button type="button" onClick={() => setMost(most + STEP)}>Show more of {rows.length}</button>}
    </section>
  );
}

function Observation({ row, test }: { row: Row; test: Test }) {
  const [open, setOpen] = useState(false);
  return (
    <details class={`observation ${row.bad ? "bad" : ""}`} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary><span class="time">{since(test, row.at)}</span> <b>{row.purpose}</b> <span class="what">{row.text.startsWith(row.purpose) ? row.text.slice(row.purpose.length) : row.text}</span> <span class="answer">{row.answer}</span></summary>
      {open && <pre tabIndex={0}>{JSON.stringify(row.event.data, null, 2)}</pre>}
    </details>
  );
}
