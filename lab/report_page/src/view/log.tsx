// The logs of all hosts and servers, in one order, with what the run did between them.

import { useMemo, useState } from "preact/hooks";

import type { Test } from "../data/journal.ts";
import { isPreparation } from "../data/phases.ts";
import type { Row } from "../data/rows.ts";
import { since } from "../data/words.ts";
import { LongList } from "./long_list.tsx";
import { rowsIn } from "./preparation.tsx";

const BESIDE = new Set(["log", "fault", "restart", "power", "settings", "verdict", "clock", "lost", "note", "spawn", "fails", "diagnosis", "other"]);
const RUN = "the run";

export function Log({ test, preparation }: { test: Test; preparation: boolean }) {
  const [words, setWords] = useState("");
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [alarming, setAlarming] = useState(false);
  const all = useMemo(() => rowsIn(test, preparation).filter((row) => BESIDE.has(row.kind) && !(row.kind === "verdict" && row.bad)), [test, test.events.length, preparation]);
  const voices = useMemo(() => [...new Set(all.filter((row) => row.kind !== "fails").map(voiceOf))].sort(), [all]);
  const rows = useMemo(() => {
    const low = words.toLowerCase();
    return all.filter(
      (row) => row.kind === "fails" || (!hidden.has(voiceOf(row)) && (!alarming || row.bad) && (!low || row.text.toLowerCase().includes(low))),
    );
  }, [all, words, hidden, alarming]);
  const toggle = (voice: string): void => {
    const next = new Set(hidden);
    if (!next.delete(voice)) next.add(voice);
    setHidden(next);
  };
  const logged = all.some((row) => row.kind === "log");
  return (
    <section aria-labelledby="log">
      <h2 id="log">What hosts and servers logged</h2>
      {!logged && <p class="small">No log of a host was kept for this test. Runs keep those of failed tests; <code>--lab-evidence=all</code> keeps all.</p>}
      <div class="tools">
        <label>Find <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} placeholder="in the lines" /></label>
        <label><input type="checkbox" checked={alarming} onChange={(event) => setAlarming(event.currentTarget.checked)} /> only warnings and errors</label>
        <div class="chips" role="group" aria-label="Show lines of">
          {voices.map((voice) => <button type="button" class="chip" aria-pressed={!hidden.has(voice)} onClick={() => toggle(voice)}>{voice}</button>)}
        </div>
        <span class="small" role="status">{rows.length} of {all.length}</span>
      </div>
      <LongList
        items={rows}
        height={22}
        label="Log lines in order of time"
        isHere={(row) => row.kind === "fails"}
        isBad={(row) => row.bad}
        draw={(row) => (
          <div class={`line ${row.kind} ${row.bad ? "bad" : ""} ${isPreparation(test, row.at) ? "before" : ""}`}>
            <span class="time">{since(test, row.at)}</span>
            <span class="voice">{voiceOf(row)}</span>
            <span class="what">{row.text}</span>
          </div>
        )}
      />
    </section>
  );
}

function voiceOf(row: Row): string {
  if (row.kind !== "log") return RUN;
  return row.target ? `${row.target}'s server` : row.source;
}
