// One test in one case: why it failed, its settings, and all that was seen meanwhile.

import type { Journal, Test } from "../data/journal.ts";
import { changed } from "../data/difference.ts";
import { BAD, claimOf, duration, shown } from "../data/words.ts";
import { Sources } from "./findings.tsx";
import { Log } from "./log.tsx";
import { Prose } from "./prose.tsx";
import { Observations } from "./observations.tsx";
import { Sequence } from "./sequence.tsx";
import { Timelines } from "./timelines.tsx";
import { Topology } from "./topology.tsx";
import { Alarms, CaseChips, Outcome, Why } from "./why.tsx";

export function CaseView({ journal, test }: { journal: Journal; test: Test }) {
  const scenario = journal.scenarios.get(test.file);
  return (
    <main>
      <nav aria-label="Where you are" class="crumbs">
        <a href="#/">All cases</a>
        <Step journal={journal} test={test} by={-1} />
        <Step journal={journal} test={test} by={1} />
      </nav>
      <header class={`claim ${test.outcome}`}>
        <h1 tabIndex={-1}><Prose>{claimOf(test)}</Prose></h1>
        {!BAD.has(test.outcome) && <p><Outcome outcome={test.outcome} /> <CaseChips settings={test.settings} /></p>}
        <Why test={test} />
        <Alarms test={test} />
        <p class="small">{test.id} · {duration(test.end - test.begin)}{test.lab && ` · lab ${test.lab}`}</p>
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
      <SettingsDiff test={test} />
      <Topology journal={journal} test={test} />
      <Sequence journal={journal} test={test} />
      <Timelines test={test} />
      <Log test={test} />
      <Observations test={test} />
    </main>
  );
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
  return (
    <section aria-labelledby="answers">
      <h2 id="answers">Answers</h2>
      <dl class="why">
        {Object.entries(test.cells ?? {}).map(([name, cell]) => (
          <><dt>{name}</dt><dd class={cell.ok ? "" : "seen"}><pre>{cell.short}{cell.detail && cell.detail !== cell.short ? `\n${cell.detail}` : ""}</pre></dd></>
        ))}
      </dl>
    </section>
  );
}

function SettingsDiff({ test }: { test: Test }) {
  const rows = changed({}, test.settings);
  return (
    <section aria-labelledby="settings">
      <h2 id="settings">Settings, as they differ from the base</h2>
      {rows.length === 0 ? <p class="empty">None: this is the base configuration.</p> : (
        <div class="wide" tabIndex={0} role="region" aria-label="Settings">
          <table class="diff">
            <thead><tr><th scope="col">setting</th><th scope="col">base</th><th scope="col">here</th></tr></thead>
            <tbody>
              {rows.map((one) => (
                <tr><th scope="row"><code>{one.key}</code></th><td><del>not set</del></td><td><ins><code>{shown(one.to)}</code></ins></td></tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
