// Cases down, tests or questions across.

import type { Cell, Journal, Scenario, Test } from "../data/journal.ts";
import { BAD, MARKS } from "../data/outcomes.ts";
import { claimOf, duration, sentence, shortKey, shown } from "../data/words.ts";
import { Prose } from "./prose.tsx";

/** Characters of an answer that stands in each cell, whatever it is; and of one that stands nowhere else. */
const REPEATED = 28;
const LONGEST = 60;

interface Row {
  id: string;
  settings: Record<string, unknown>;
  tests: Map<string, Test[]>;
}

/** One scenario file: a row for each case, a column for each of its tests. */
export function ScenarioGrid({ scenario, file, tests }: { scenario: Scenario | undefined; file: string; tests: Test[] }) {
  const names = [...new Set(tests.map((test) => test.name))];
  const rows = new Map<string, Row>();
  for (const test of tests) {
    const row = rows.get(test.case) ?? { id: test.case, settings: test.settings, tests: new Map() };
    row.tests.set(test.name, [...(row.tests.get(test.name) ?? []), test]);
    rows.set(test.case, row);
  }
  const all = [...rows.values()];
  const { varying: keys, everywhere } = axes(all);
  const bad = tests.filter((test) => BAD.has(test.outcome)).length;
  return (
    <details class="sheet" open>
      <summary>
        <h3><Prose>{scenario?.title || file || "Not yet known"}</Prose></h3>
        <span class="small">{scenario ? `${file} · ` : ""}{tests.length} {tests.length === 1 ? "test" : "tests"}{bad ? `, ${bad} failed` : ""}{everywhere.length > 0 && all.length > 1 && ` · everywhere ${everywhere.map((key) => `${shortKey(key)} = ${shown(all[0]?.settings[key])}`).join(", ")}`}</span>
      </summary>
      <div class="wide" tabIndex={0} role="region" aria-label={`Cases of ${scenario?.title || file || "tests that did not end"}`}>
        <table class="grid">
          <thead>
            <tr>
              {keys.map((key) => <th scope="col" title={key}>{shortKey(key)}</th>)}
              {!keys.length && <th scope="col">case</th>}
              {names.map((name) => <th scope="col" class="test">{name ? sentence(name) : "unfinished"}</th>)}
            </tr>
          </thead>
          <tbody>
            {all.map((row) => (
              <tr key={row.id}>
                {keys.map((key) => <th scope="row"><code>{key in row.settings ? shown(row.settings[key]) : "–"}</code></th>)}
                {!keys.length && <th scope="row">{row.id || "default"}</th>}
                {names.map((name) => <td>{(row.tests.get(name) ?? []).map((test) => <Verdict test={test} />)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Verdict({ test }: { test: Test }) {
  return (
    <a class={`cell ${test.outcome}`} href={`#/case/${test.index}`} title={`${claimOf(test)} (${duration(test.end - test.begin)})`}>
      <span aria-hidden="true">{MARKS[test.outcome]}</span> {test.outcome}
    </a>
  );
}

/** The settings in which the rows differ, and those that all of them set alike. */
function axes(rows: Pick<Row, "settings">[]): { varying: string[]; everywhere: string[] } {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row.settings)))];
  const varies = (key: string): boolean => new Set(rows.map((row) => JSON.stringify(row.settings[key]))).size > 1;
  if (rows.length === 1) return { varying: keys, everywhere: [] };
  return { varying: keys.filter(varies), everywhere: keys.filter((key) => !varies(key)) };
}

/** What `hublab matrix` was answered; `≠` marks what differs from the first row. */
export function MatrixGrid({ journal, tests }: { journal: Journal; tests: Test[] }) {
  const { varying, everywhere } = axes(tests);
  const keys = varying.length ? varying : everywhere.splice(0);
  const first = journal.tests.find((test) => test.cells)?.cells ?? {};
  const notes = notesOf(tests);
  return (
    <>
      {everywhere.length > 0 && <p class="small">Everywhere {everywhere.map((key) => `${key} = ${shown(tests[0]?.settings[key])}`).join(", ")}.</p>}
      <div class="wide" tabIndex={0} role="region" aria-label="Answers of each case">
        <table class="grid">
          <thead>
            <tr>
              {keys.map((key) => <th scope="col" title={key}>{shortKey(key)}</th>)}
              {!keys.length && <th scope="col">case</th>}
              {journal.columns.map((column) => <th scope="col" class="test">{column}</th>)}
            </tr>
          </thead>
          <tbody>
            {tests.map((test) => (
              <tr key={test.index}>
                {keys.map((key, n) => (
                  <th scope="row">{n === 0 ? <a href={`#/case/${test.index}`}><code>{shown(test.settings[key])}</code></a> : <code>{shown(test.settings[key])}</code>}</th>
                ))}
                {!keys.length && <th scope="row"><a href={`#/case/${test.index}`}>{test.label || "default"}</a></th>}
                {journal.columns.map((column) => <Answer cell={test.cells?.[column]} usual={first[column]} notes={notes} />)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {notes.size > 0 && (
        <ol class="notes" aria-label="Answers in full">
          {[...notes].map(([words, number]) => <li id={`answer-${number}`} key={number}>{words}</li>)}
        </ol>
      )}
    </>
  );
}

function Answer({ cell, usual, notes }: { cell: Cell | undefined; usual: Cell | undefined; notes: Map<string, number> }) {
  const short = cell?.short ?? "";
  const number = notes.get(short);
  return (
    <td class={cell?.ok ? "ok" : "bad"} title={cell?.detail}>
      {short !== (usual?.short ?? "") && <b>≠ </b>}
      {number ? <>{short.slice(0, REPEATED - 4)}… <sup>({number})</sup></> : short}
    </td>
  );
}

/** Long answers that stand in several cells, and those too long for a cell, are told once below the table. */
function notesOf(tests: Test[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const test of tests)
    for (const { short } of Object.values(test.cells ?? {})) counted.set(short, (counted.get(short) ?? 0) + 1);
  const long = [...counted].filter(([words, number]) => words.length > (number > 1 ? REPEATED : LONGEST));
  return new Map(long.map(([words], n) => [words, n + 1]));
}
