// One test in one case: why it failed, its settings, and all that was seen meanwhile.

import { useState } from "preact/hooks";

import { brokenBy, isBad, nearestGood } from "../data/blame.ts";
import { changed } from "../data/difference.ts";
import { grouped } from "../data/grouped.ts";
import type { Cell, Journal, Test } from "../data/journal.ts";
import { BAD } from "../data/outcomes.ts";
import { failedOnTheWay } from "../data/phases.ts";
import { claimOf, duration, shown } from "../data/words.ts";
import { Sources } from "./findings.tsx";
import { Log } from "./log.tsx";
import { Prose } from "./prose.tsx";
import { Observations } from "./observations.tsx";
import { Preparation } from "./preparation.tsx";
import { Guarded } from "./guarded.tsx";
import { Sequence } from "./sequence.tsx";
import { Timelines } from "./timelines.tsx";
import { Topology } from "./topology.tsx";
import { Alarms, CaseChips, Governing, Outcome, Why } from "./why.tsx";

export function CaseView({ journal, test }: { journal: Journal; test: Test }) {
  const scenario = journal.scenarios.get(test.file);
  const [preparation, setPreparation] = useState(failedOnTheWay(test));
  return (
    <main>
      <nav aria-label="Where you are" class="crumbs">
        <a href="#/">All cases</a>
        <Step journal={journal} test={test} by={-1} />
        <Step journal={journal} test={test} by={1} />
      </nav>
      <header class={`claim ${test.cells && isBad(test) ? "bad" : test.outcome}`}>
        <h1 tabIndex={-1}><Prose>{claimOf(test)}</Prose></h1>
        {!BAD.has(test.outcome) && <p><Outcome outcome={test.outcome} /> {!test.cells && <CaseChips settings={test.settings} />}</p>}
        <Why journal={journal} test={test} />
        {test.cells && isBad(test) && <dl class="why"><Governing journal={journal} test={test} /></dl>}
        <Alarms journal={journal} test={test} />
        {isBad(test) && !test.cells && <p class="tools"><button type="button" onClick={toFailure}>Show the moment of the failure</button></p>}
        <p class="small">{test.cells ? "" : `${test.id} · `}{duration(test.end - test.begin)}{test.lab && ` · lab ${test.lab}`}</p>
      </header>
      {scenario && (
        <div class="about">
          <p><Prose>{scenario.title}</Prose></p>
          {scenario.why && <p><b>Why it matters:</b> <Prose>{scenario.why}</Prose></p>}
          <Sources sources={scenario.sources} />
        </div>
      )}
      <Compare journal={journal} test={test} />
      {test.cells && <Answers test={test} />}
      <SettingsDiff journal={journal} test={test} />
      <Preparation test={test} shown={preparation} show={setPreparation} />
      <Guarded what="The drawing of hosts"><Topology journal={journal} test={test} preparation={preparation} /></Guarded>
      <Guarded what="The sequence diagram"><Sequence journal={journal} test={test} preparation={preparation} /></Guarded>
      <Guarded what="The timelines"><Timelines test={test} preparation={preparation} /></Guarded>
      <Guarded what="The log"><Log test={test} preparation={preparation} /></Guarded>
      <Guarded what="What probes saw"><Observations test={test} /></Guarded>
    </main>
  );
}

/** Bring the sequence diagram into sight, which is open at the failure, so that its keys work. */
function toFailure(): void {
  const section = document.querySelector("section[aria-labelledby=sequence]");
  section?.scrollIntoView();
  section?.querySelector<HTMLElement>(".long")?.focus({ preventScroll: true });
}

function Step({ journal, test, by }: { journal: Journal; test: Test; by: number }) {
  const other = journal.tests[test.index + by];
  if (!other) return null;
  return <a href={`#/case/${other.index}`} title={claimOf(other)}>{by < 0 ? "← before" : "after →"}</a>;
}

/** The other cases of the same test, one that held first. */
export function others(journal: Journal, test: Test): Test[] {
  const rank = (one: Test): number => (BAD.has(one.outcome) === BAD.has(test.outcome) ? 1 : 0);
  return journal.tests
    .filter((one) => one !== test && one.file === test.file && one.name === test.name)
    .sort((a, b) => rank(a) - rank(b));
}

function Compare({ journal, test }: { journal: Journal; test: Test }) {
  const candidates = others(journal, test);
  if (!candidates.length) return null;
  return (
    <form
      class="tools"
      onSubmit={(event) => {
        event.preventDefault();
        location.hash = `#/compare/${test.index}/${new FormData(event.currentTarget).get("other")}`;
      }}
    >
      <label>
        Side by side with{" "}
        <select name="other">
          {candidates.map((one) => <option value={one.index}>{one.outcome}: {one.case || "default"}</option>)}
        </select>
      </label>
      <button type="submit">Compare</button>
    </form>
  );
}

function Answers({ test }: { test: Test }) {
  // The head of the case has what is broken, hop by hop.
  const judged = brokenBy(test).length > 0;
  const alike = grouped(Object.entries(test.cells ?? {}), ([name, cell]) => (name === "reach" && judged ? cell.short : said(cell)));
  return (
    <section aria-labelledby="answers">
      <h2 id="answers">Answers</h2>
      <dl class="why">
        {[...alike].map(([words, cells]) => (
          <><dt>{cells.map(([name]) => name).join(", ")}</dt><dd class={cells[0]?.[1].ok ? "" : "seen"}><pre>{words}</pre></dd></>
        ))}
      </dl>
    </section>
  );
}

/** An answer in full: its detail where that says all, else both. */
function said(cell: Cell): string {
  if (!cell.detail || cell.short.includes(cell.detail)) return cell.short;
  return cell.detail.includes(cell.short) ? cell.detail : `${cell.short}\n${cell.detail}`;
}

function SettingsDiff({ journal, test }: { journal: Journal; test: Test }) {
  const rows = changed({}, test.settings);
  const near = isBad(test) ? nearestGood(journal, test).test : null;
  return (
    <section aria-labelledby="settings">
      <h2 id="settings">Settings, as they differ from the base</h2>
      {rows.length === 0 ? <p class="empty">None: this is the base configuration.</p> : (
        <div class="wide" tabIndex={0} role="region" aria-label="Settings">
          <table class="diff">
            <thead><tr><th scope="col">setting</th><th scope="col">base</th><th scope="col">here</th>{near && <th scope="col">nearest case that went well</th>}</tr></thead>
            <tbody>
              {rows.map((one) => (
                <tr><th scope="row"><code>{one.key}</code></th><td><del>not set</del></td><td><ins><code>{shown(one.to)}</code></ins></td>{near && <td>{one.key in near.settings ? <code>{shown(near.settings[one.key])}</code> : <del>not set</del>}</td>}</tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
