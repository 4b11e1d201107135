// Why a test failed, in the words of its verdict.

import { bandsOf } from "../data/bands.ts";
import { brokenBy, isBad, named, nearestGood } from "../data/blame.ts";
import { grouped } from "../data/grouped.ts";
import type { Journal, Test } from "../data/journal.ts";
import { failedOnTheWay } from "../data/phases.ts";
import { alarming } from "../data/rows.ts";
import { BAD, MARKS } from "../data/outcomes.ts";
import { shown, since } from "../data/words.ts";

export function Outcome({ outcome }: { outcome: string }) {
  return <span class={`chip ${outcome}`}><span aria-hidden="true">{MARKS[outcome]}</span> {outcome}</span>;
}

/** The settings of a case, in one line. */
export function CaseChips({ settings }: { settings: Record<string, unknown> }) {
  const entries = Object.entries(settings);
  if (!entries.length) return <span class="case">the default case</span>;
  return (
    <span class="case">
      {entries.map(([key, value], index) => (
        <span key={key}>{index > 0 && ", "}<code>{key}</code> = <code>{shown(value)}</code></span>
      ))}
    </span>
  );
}

/** What hosts and servers logged of a failure. */
export function Alarms({ test }: { test: Test }) {
  const rows = alarming(test);
  if (!rows.length || !BAD.has(test.outcome)) return null;
  return (
    <dl class="why">
      <dt>logged</dt>
      <dd>
        {rows.map((row) => (
          <pre><span class="time">{since(test, row.at)}</span> <b>{row.target ? `${row.target}'s server` : row.source}</b> {row.text}</pre>
        ))}
      </dd>
    </dl>
  );
}

/** The settings that this case has otherwise than the nearest one that went well, and what else points at one. */
export function Governing({ journal, test }: { journal: Journal; test: Test }) {
  if (!isBad(test)) return null;
  const { test: near, settings } = nearestGood(journal, test);
  const broken = brokenBy(test);
  const said = named(test);
  return (
    <>
      {near && (
        <>
          <dt>differs</dt>
          <dd>
            {settings.map((one) => (
              <p class="differs" key={one.key}>
                <code>{one.key}</code> is {one.to === undefined ? "not set" : <code>{shown(one.to)}</code>} here,{" "}
                {one.from === undefined ? "not set" : <code>{shown(one.from)}</code>} in <a href={`#/compare/${test.index}/${near.index}`}>the nearest case that {near.cells ? "has no bad answer" : "held"}</a>
              </p>
            ))}
          </dd>
        </>
      )}
      {!near && settings.length === 0 && <><dt>differs</dt><dd>in nothing from the base configuration: no setting of the case explains it</dd></>}
      {broken.length > 0 && (
        <>
          <dt>governed by</dt>
          <dd>
            {[...grouped(broken, (hop) => hop.setting)].map(([setting, hops]) => (
              <p class="differs" key={setting}>
                <b><code>{setting}</code></b>: {hops.map((hop) => `${hop.source} → ${hop.target} ${hop.url ? `(${hop.url}) ` : ""}${hop.error}`).join("; ")}
                {hops.find((hop) => hop.workaround) && <> · {hops.find((hop) => hop.workaround)?.workaround}</>}
              </p>
            ))}
          </dd>
        </>
      )}
      {said.length > 0 && <><dt>named by it</dt><dd>{said.map((key, n) => <>{n > 0 && ", "}<code>{key}</code></>)}</dd></>}
    </>
  );
}

export function Why({ journal, test }: { journal: Journal; test: Test }) {
  if (!BAD.has(test.outcome)) return null;
  const seen = test.seen || test.message || (test.outcome === "running" ? "The run ended before this test did." : "It does not say why.");
  return (
    <dl class="why">
      <dt>outcome</dt>
      <dd><Outcome outcome={test.outcome} /></dd>
      <dt>case</dt>
      <dd><CaseChips settings={test.settings} /></dd>
      <Governing journal={journal} test={test} />
      {bandsOf(test).faults.map((fault) => (
        <><dt>fault</dt><dd>{fault.state} {fault.row}, from {fault.from.toFixed(1)} to {fault.to.toFixed(1)} s{fault.detail && ` (${fault.detail})`}</dd></>
      ))}
      {failedOnTheWay(test) && test.outcome !== "running" && <><dt>when</dt><dd>on the way into its case, before the test did anything</dd></>}
      {test.expected && <><dt>expected</dt><dd><pre>{test.expected}</pre></dd></>}
      <dt>seen</dt>
      <dd class="seen"><pre>{seen}</pre></dd>
      {test.places.length > 0 && (
        <><dt>at</dt><dd><pre>{test.places.map(([where, source]) => `${where}\n    ${source}`).join("\n")}</pre></dd></>
      )}
    </dl>
  );
}
