// Why a test failed, in the words of its verdict.

import { bandsOf } from "../data/bands.ts";
import { brokenBy, isBad, named, nearestGood } from "../data/blame.ts";
import { grouped } from "../data/grouped.ts";
import type { Journal, Test } from "../data/journal.ts";
import { failedAt, failedOnTheWay } from "../data/phases.ts";
import { alarming } from "../data/rows.ts";
import { talkOf } from "../data/talk.ts";
import { rowsIn } from "./preparation.tsx";
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

const MOST_BROKEN = 6;

/** What got no good answer until a test failed, and what hosts and servers logged of it. */
export function Alarms({ journal, test }: { journal: Journal; test: Test }) {
  if (!BAD.has(test.outcome)) return null;
  const until = failedAt(test) ?? test.end;
  const rows = rowsIn(test, failedOnTheWay(test)).filter((row) => row.at <= until);
  const broken = talkOf(journal, test, rows).broken;
  const logged = alarming(test, broken.length > 0);
  if (!broken.length && !logged.length) return null;
  return (
    <dl class="why">
      {broken.length > 0 && (
        <>
          <dt>went wrong</dt>
          <dd class="seen">
            {broken.slice(-MOST_BROKEN).map((row) => (
              <p class="differs"><span class="time">{since(test, row.at)}</span> {row.target && `${row.source} → ${row.source === row.target ? "itself" : row.target}: `}{row.text} <b>{row.answer}</b></p>
            ))}
            {broken.length > MOST_BROKEN && <p class="small">and {broken.length - MOST_BROKEN} before them</p>}
          </dd>
        </>
      )}
      {logged.length > 0 && (
        <>
          <dt>logged</dt>
          <dd>
            {logged.map((row) => (
              <pre><span class="time">{since(test, row.at)}</span> <b>{row.target ? `${row.target}'s server` : row.source}</b> {row.text}</pre>
            ))}
          </dd>
        </>
      )}
    </dl>
  );
}

/** Answers that tell nothing by themselves: what the assertion compared is shown in their place. */
const BARE = /^(True|False|None)?$/;

/** The settings that this case has otherwise than the nearest one that went well, and what else points at one. */
export function Governing({ journal, test }: { journal: Journal; test: Test }) {
  if (!isBad(test)) return null;
  const { test: near, settings } = nearestGood(journal, test);
  const broken = brokenBy(test);
  // Beside a case that went well its other settings say more than words that happen to be said.
  const said = near ? [] : named(test);
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
      {!near && settings.length === 0 && <><dt>differs</dt><dd>in no setting from the base configuration{bandsOf(test).faults.length > 0 ? ": see the fault" : ": no setting of the case explains it"}</dd></>}
      {broken.length > 0 && (
        <>
          <dt>governed by</dt>
          <dd>
            {[...grouped(broken, (hop) => hop.setting)].map(([setting, hops]) => (
              <p class="differs" key={setting}>
                <b><code>{setting}</code></b>: {[...grouped(hops, (hop) => `${hop.error}${hop.url ? ` at ${hop.url}` : ""}`)].map(([error, own]) => `${error} (${own.map((hop) => `${hop.source} → ${hop.target}`).join("; ")})`).join("; ")}
                {hops.find((hop) => hop.workaround) && <> · {hops.find((hop) => hop.workaround)?.workaround}</>}
              </p>
            ))}
          </dd>
        </>
      )}
      {said.length > 0 && <><dt>mentioned</dt><dd>{said.map((key, n) => <>{n > 0 && ", "}<code>{key}</code></>)}</dd></>}
    </>
  );
}

export function Why({ journal, test }: { journal: Journal; test: Test }) {
  if (!BAD.has(test.outcome)) return null;
  const seen = test.seen || test.message || (test.outcome === "running" ? "The run ended before this test did." : "It does not say why.");
  const compared = test.seen && BARE.test(test.seen.trim()) && test.message.includes("\n");
  return (
    <dl class="why">
      <dt>outcome</dt>
      <dd><Outcome outcome={test.outcome} /></dd>
      <dt>case</dt>
      <dd><CaseChips settings={test.settings} /></dd>
      {bandsOf(test).faults.map((fault) => (
        <><dt>fault</dt><dd>{fault.state} {fault.row}, from {fault.from.toFixed(1)} to {fault.to.toFixed(1)} s{fault.detail && ` (${fault.detail})`}</dd></>
      ))}
      <Governing journal={journal} test={test} />
      {failedOnTheWay(test) && test.outcome !== "running" && <><dt>when</dt><dd>on the way into its case, before the test did anything</dd></>}
      {test.expected && <><dt>expected</dt><dd><pre>{test.expected}</pre></dd></>}
      {compared ? <><dt>compared</dt><dd class="seen"><pre>{test.message}</pre></dd></> : <><dt>seen</dt><dd class="seen"><pre>{seen}</pre></dd></>}
      {test.places.length > 0 && (
        <><dt>at</dt><dd><pre>{test.places.map(([where, source]) => `${where}\n    ${source}`).join("\n")}</pre></dd></>
      )}
    </dl>
  );
}
