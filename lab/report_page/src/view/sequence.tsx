// A sequence diagram: a line down for each host, an arrow for each message, time on the left.

import { type ScalePoint, scalePoint } from "d3-scale";
import { useMemo, useState } from "preact/hooks";

import type { Journal, Test } from "../data/journal.ts";
import { isPreparation, zeroOf } from "../data/phases.ts";
import type { Row } from "../data/rows.ts";
import { isTalk, placesOf, talkOf } from "../data/talk.ts";
import { since } from "../data/words.ts";
import { bandsOf } from "../data/bands.ts";
import { useWidth } from "./hooks.ts";
import { LongList } from "./long_list.tsx";
import { rowsIn } from "./preparation.tsx";

const SHOWN = new Set(["exchange", "connection", "spawn", "state", "restart", "power", "fault", "probe", "settings", "verdict", "lost", "fails"]);
const NARROW = 700;

export function Sequence({ journal, test, preparation }: { journal: Journal; test: Test; preparation: boolean }) {
  const [words, setWords] = useState("");
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set());
  const [width, measure] = useWidth();
  const whole = useMemo(() => rowsIn(test, preparation), [journal.version, test, preparation]);
  const all = useMemo(() => whole.filter((row) => SHOWN.has(row.kind) && !(row.kind === "verdict" && row.bad)), [whole]);
  const purposes = useMemo(() => [...new Set(all.filter((row) => row.kind !== "fails").map(purposeOf))].sort(), [all]);
  const rows = useMemo(() => {
    const low = words.toLowerCase();
    return all.filter(
      (row) => row.kind === "fails" || (!without.has(purposeOf(row)) && (!low || `${row.source} ${row.target} ${row.text} ${row.answer}`.toLowerCase().includes(low))),
    );
  }, [all, words, without]);
  const places = useMemo(() => placesOf(journal, test, talkOf(journal, test, whole).edges, whole), [whole]);
  const faults = useMemo(() => bandsOf(test).faults, [journal.version, test]);
  const narrow = width > 0 && width < NARROW;
  const strip = narrow ? width - 20 : Math.max(280, Math.min(places.length * 92, width * 0.52));
  const lanes = scalePoint(places.map((one) => one.name), [0, strip]).padding(0.5);
  const toggle = (one: string): void => {
    const next = new Set(without);
    if (!next.delete(one)) next.add(one);
    setWithout(next);
  };
  return (
    <section aria-labelledby="sequence">
      <h2 id="sequence">In order of time</h2>
      <div class="tools">
        <label>Find <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} placeholder="path, host, status" /></label>
        <div class="chips" role="group" aria-label="Show">
          {purposes.map((one) => (
            <button type="button" class="chip" aria-pressed={!without.has(one)} onClick={() => toggle(one)}>{one}</button>
          ))}
        </div>
        <span class="small" role="status">{rows.length} of {all.length}</span>
      </div>
      <div ref={measure} class="sequence" style={{ "--strip": `${strip}px` }}>
        <LongList
          items={rows}
          height={narrow ? 62 : 26}
          label="Messages between hosts in order of time"
          isHere={(row) => row.kind === "fails"}
          isBad={(row) => row.bad}
          head={<Heads lanes={lanes} strip={strip} places={places.map((one) => one.name)} />}
          draw={(row) => (
            <div class={`message ${row.kind} ${row.bad ? "bad" : ""} ${isPreparation(test, row.at) ? "before" : ""} ${faults.some((one) => one.from <= row.at - zeroOf(test) && row.at - zeroOf(test) <= one.to) ? "during" : ""}`}>
              <span class="time">{since(test, row.at)}</span>
              <Strip row={row} lanes={lanes} strip={strip} />
              <span class="what">
                <span class="hidden">{row.target ? `${row.source} to ${row.target}: ` : row.source ? `${row.source}: ` : ""}</span>
                {row.text} {row.answer && <span class="answer">{row.answer}</span>}
              </span>
            </div>
          )}
        />
      </div>
    </section>
  );
}

function purposeOf(row: Row): string {
  return isTalk(row) ? row.purpose || "other HTTP" : row.kind;
}

function Heads({ lanes, strip, places }: { lanes: ScalePoint<string>; strip: number; places: string[] }) {
  return (
    <div class="message heads" aria-hidden="true">
      <span class="time">seconds</span>
      <svg width={strip} height="20">
        {places.map((name) => <text x={lanes(name)} y="14">{short(name, strip / places.length)}</text>)}
      </svg>
      <span class="what" />
    </div>
  );
}

function short(name: string, room: number): string {
  const most = Math.max(3, Math.floor(room / 7));
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

function Strip({ row, lanes, strip }: { row: Row; lanes: ScalePoint<string>; strip: number }) {
  const from = lanes(row.source);
  const to = lanes(row.target);
  const arrow = row.kind === "connection" ? "dashed" : row.kind === "probe" ? "dotted" : "";
  return (
    <svg class="strip" width={strip} height="24" aria-hidden="true">
      {lanes.domain().map((name) => <line class="life" x1={lanes(name)} x2={lanes(name)} y1="0" y2="100%" />)}
      {from !== undefined && to !== undefined && from !== to && (
        <>
          <line class={`arrow ${arrow}`} x1={from} x2={to > from ? to - 7 : to + 7} y1="12" y2="12" />
          <path class="tip" d={to > from ? `M${to - 8},8 L${to},12 L${to - 8},16z` : `M${to + 8},8 L${to},12 L${to + 8},16z`} />
          <circle cx={from} cy="12" r="3" class="tip" />
        </>
      )}
      {from !== undefined && (to === undefined || from === to) && <rect class="mark" x={from - 5} y="7" width="10" height="10" rx="2" />}
    </svg>
  );
}
