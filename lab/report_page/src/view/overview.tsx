// The first view: what failed and why, then every case of every scenario.

import { useMemo, useState } from "preact/hooks";

import { isBad } from "../data/blame.ts";
import { grouped } from "../data/grouped.ts";
import { type Journal, MATRIX, type Test } from "../data/journal.ts";
import { BAD, MARKS } from "../data/outcomes.ts";
import { claimOf, counts, duration } from "../data/words.ts";
import { Findings } from "./findings.tsx";
import { MatrixGrid, ScenarioGrid } from "./grid.tsx";
import { Prose } from "./prose.tsx";
import { Why } from "./why.tsx";

const MOST_FAILURES = 20;

export function Overview({ journal }: { journal: Journal }) {
  const [words, setWords] = useState("");
  const [wanted, setWanted] = useState("");
  const tests = useMemo(() => {
    const low = words.toLowerCase();
    return journal.tests.filter(
      (test) => (!wanted || test.outcome === wanted) && (!low || `${test.id} ${claimOf(test)}`.toLowerCase().includes(low)),
    );
  }, [journal.version, words, wanted]);
  const files = useMemo(() => byFile(tests), [tests]);
  const failures = journal.tests.filter((test) => BAD.has(test.outcome));
  const unknown = failures.filter((test) => test.outcome === "undecided").length;
  const total = counts(journal);
  return (
    <main>
      <h1 tabIndex={-1}><Summary journal={journal} bad={failures.length - unknown} unknown={unknown} /></h1>
      <Failures journal={journal} tests={failures} all={unknown < failures.length} />
      <section aria-labelledby="cases">
        <h2 id="cases">{journal.isMatrix ? "What each case answered" : "Every case"}</h2>
        <div class="tools">
          <label>
            Find <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} placeholder="test, case or setting" />
          </label>
          {total.length > 1 && (
            <div class="chips" role="group" aria-label="Only this outcome">
              {total.map(([outcome, number]) => (
                <button type="button" class={`chip ${outcome}`} aria-pressed={wanted === outcome} onClick={() => setWanted(wanted === outcome ? "" : outcome)}>
                  <span aria-hidden="true">{MARKS[outcome]}</span> {number} {outcome}
                </button>
              ))}
            </div>
          )}
        </div>
        {files.length === 0 && <p class="empty">No case {words || wanted ? "matches" : "was run"}.</p>}
        {files.map(([file, own]) =>
          file === MATRIX
            ? <MatrixGrid key={file} journal={journal} tests={own} />
            : <ScenarioGrid key={file} scenario={journal.scenarios.get(file)} file={file} tests={own} />,
        )}
      </section>
      <Findings journal={journal} />
    </main>
  );
}

function Summary({ journal, bad, unknown }: { journal: Journal; bad: number; unknown: number }) {
  const number = journal.tests.length;
  const what = journal.isMatrix ? (number === 1 ? "case" : "cases") : number === 1 ? "test" : "tests";
  const worse = journal.tests.filter((test) => test.cells && isBad(test)).length;
  const open = unknown ? `${unknown} could not be decided` : "";
  if (!bad && unknown) return <>{number} {what}, of which {open}</>;
  if (journal.isMatrix && !bad) return <>{number} {what} answered{worse > 0 && `, ${worse} of them not as one wants`}</>;
  if (!bad) return <>{number} {what}, and nothing failed</>;
  return <>{bad} of {number} {what} {bad === 1 ? "does" : "do"} not hold{open && `, ${open}`}</>;
}

function Failures({ journal, tests, all }: { journal: Journal; tests: Test[]; all: boolean }) {
  if (!tests.length) return null;
  // What fails alike in several cases is told once, with the cases.
  const alike = [...grouped(tests, (test) => (test.id ? JSON.stringify([claimOf(test), test.outcome, test.expected, test.seen || test.message]) : test)).values()];
  return (
    <section aria-labelledby="failed">
      <h2 id="failed">{all ? "What does not hold" : "What could not be decided"}</h2>
      <ul class="failures">
        {alike.slice(0, MOST_FAILURES).map(([test, ...more]) => test && (
          <li key={test.index}>
            <a class="whole" href={`#/case/${test.index}`}><Prose>{claimOf(test)}</Prose></a>
            <Why journal={journal} test={test} />
            <p class="small">{test.id || "its name is not known"} · {duration(test.end - test.begin)}</p>
            {more.length > 0 && (
              <details open={more.length <= 4}>
                <summary>{more.length} more {more.length === 1 ? "case fails" : "cases fail"} in the same way</summary>
                <ul>{more.map((one) => <li key={one.index}><a href={`#/case/${one.index}`}>{one.case || one.label || one.id}</a></li>)}</ul>
              </details>
            )}
          </li>
        ))}
      </ul>
      {alike.length > MOST_FAILURES && <p>and {alike.slice(MOST_FAILURES).flat().length} more, in the tables below.</p>}
    </section>
  );
}

/** Tests by their file; those with failures first, else in the order of the run. */
function byFile(tests: Test[]): [string, Test[]][] {
  const found = new Map<string, Test[]>();
  for (const test of tests) found.set(test.file, [...(found.get(test.file) ?? []), test]);
  const bad = (own: Test[]): number => (own.some((one) => BAD.has(one.outcome)) ? 0 : 1);
  return [...found].sort(([, a], [, b]) => bad(a) - bad(b));
}
