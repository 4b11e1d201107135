// Two cases beside each other, with the first difference marked.

import { useMemo } from "preact/hooks";

import { alike, changed, firstDifference } from "../data/difference.ts";
import type { Journal, Test } from "../data/journal.ts";
import type { Row } from "../data/rows.ts";
import { BAD } from "../data/outcomes.ts";
import { claimOf, shown, since } from "../data/words.ts";
import { CaseChips, Outcome, Why } from "./why.tsx";

const AROUND = 40;

export function CompareView({ journal, one, other }: { journal: Journal; one: Test; other: Test }) {
  const { left, right, at } = useMemo(() => firstDifference(one, other), [journal.version, one, other]);
  const settings = changed(one.settings, other.settings);
  const from = Math.max(0, at - 8);
  return (
    <main>
      <nav aria-label="Where you are" class="crumbs">
        <a href="#/">All cases</a><a href={`#/case/${one.index}`}>left case</a><a href={`#/case/${other.index}`}>right case</a>
        <a href={`#/compare/${other.index}/${one.index}`}>exchange sides</a>
      </nav>
      <h1 tabIndex={-1}>Two cases side by side</h1>
      <p>{claimOf(one)}</p>
      <div class="pair">
        {[one, other].map((test, n) => (
          <div class={`claim ${test.outcome}`}><h2>{n ? "Right" : "Left"}: <Outcome outcome={test.outcome} /></h2>{!BAD.has(test.outcome) && <p><CaseChips settings={test.settings} /></p>}<Why journal={journal} test={test} /></div>
        ))}
      </div>
      <section aria-labelledby="differing">
        <h2 id="differing">Settings that differ</h2>
        {settings.length === 0 ? <p class="empty">None.</p> : (
          <div class="wide" tabIndex={0} role="region" aria-label="Table of the settings that differ">
            <table class="diff">
              <thead><tr><th scope="col">setting</th><th scope="col">left</th><th scope="col">right</th></tr></thead>
              <tbody>{settings.map((row) => (
                <tr><th scope="row"><code>{row.key}</code></th>
                  <td><del>{row.from === undefined ? "not set" : <code>{shown(row.from)}</code>}</del></td>
                  <td><ins>{row.to === undefined ? "not set" : <code>{shown(row.to)}</code>}</ins></td></tr>
              ))}</tbody>
            </table>
          </div>
        )}
      </section>
      <section aria-labelledby="first">
        <h2 id="first">{at < 0 ? "Both went the same way" : "The first difference"}</h2>
        <p class="small">Ports, times and identifiers are left out of the comparison; so are log lines, polls, activity reports, how the lab got into the case, and the network where a capture was kept of one side alone.{from > 0 && ` ${from} equal steps come before.`}</p>
        <div class="pair">
          <Steps test={one} rows={left} from={from} at={at} others={right} />
          <Steps test={other} rows={right} from={from} at={at} others={left} />
        </div>
      </section>
    </main>
  );
}

function Steps({ test, rows, from, at, others }: { test: Test; rows: Row[]; from: number; at: number; others: Row[] }) {
  const shownRows = rows.slice(from, from + AROUND);
  return (
    <ol class="steps" start={from + 1}>
      {shownRows.map((row, n) => {
        const index = from + n;
        const other = others[index];
        const differs = !other || alike(row) !== alike(other);
        return (
          <li class={`${index === at ? "first" : ""} ${differs ? "differs" : ""} ${row.bad ? "bad" : ""}`}>
            {index === at && <b class="flag">first difference</b>}
            <span class="time">{since(test, row.at)}</span> {row.source}{row.target && ` → ${row.target}`} {row.text} <span class="answer">{row.answer}</span>
          </li>
        );
      })}
      {shownRows.length === 0 && at >= 0 && <li class="first"><b class="flag">first difference</b> nothing more happened here</li>}
      {rows.length > from + AROUND && <li class="small">and {rows.length - from - AROUND} more steps</li>}
    </ol>
  );
}
