// Why a test failed, in the words of its verdict.

import { bandsOf } from "../data/bands.ts";
import type { Test } from "../data/journal.ts";
import { alarming } from "../data/rows.ts";
import { BAD, MARKS, shown, since } from "../data/words.ts";

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

export function Why({ test }: { test: Test }) {
  if (!BAD.has(test.outcome)) return null;
  const seen = test.seen || test.message || (test.outcome === "running" ? "The run ended before this test did." : "It does not say why.");
  return (
    <dl class="why">
      <dt>outcome</dt>
      <dd><Outcome outcome={test.outcome} /></dd>
      <dt>case</dt>
      <dd><CaseChips settings={test.settings} /></dd>
      {bandsOf(test).faults.map((fault) => (
        <><dt>fault</dt><dd>{fault.state} {fault.row}, from {fault.from.toFixed(1)} to {fault.to.toFixed(1)} s{fault.detail && ` (${fault.detail})`}</dd></>
      ))}
      {test.expected && <><dt>expected</dt><dd><pre>{test.expected}</pre></dd></>}
      <dt>seen</dt>
      <dd class="seen"><pre>{seen}</pre></dd>
      {test.places.length > 0 && (
        <><dt>at</dt><dd><pre>{test.places.map(([where, source]) => `${where}\n    ${source}`).join("\n")}</pre></dd></>
      )}
    </dl>
  );
}
