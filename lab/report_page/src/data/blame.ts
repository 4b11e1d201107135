// Which settings may be why a case failed: those that the nearest good case has otherwise, those that a
// diagnosis says govern a broken hop, and those that the failure itself names.

import { type Changed, changed } from "./difference.ts";
import type { Journal, Test } from "./journal.ts";
import { BAD } from "./outcomes.ts";
import { alarming, type Broken, diagnosed } from "./rows.ts";

export interface Nearest {
  /** The case of the same test that went well with the fewest other settings; null for the base. */
  test: Test | null;
  /** From its settings to those of the case that failed. */
  settings: Changed[];
}

/** Whether a case went as one wants: a test that held, or a row of a matrix without a bad answer. */
export function isGood(test: Test): boolean {
  return test.cells ? Object.values(test.cells).every((cell) => cell.ok) : test.outcome === "held";
}

export function isBad(test: Test): boolean {
  return test.cells ? !isGood(test) : BAD.has(test.outcome);
}

/** The nearest case that went well; the base configuration where there is none. */
export function nearestGood(journal: Journal, test: Test): Nearest {
  const good = journal.tests
    .filter((one) => one !== test && isGood(one) && one.file === test.file && one.name === test.name)
    .map((one) => ({ test: one, settings: changed(one.settings, test.settings) }))
    .filter((one) => one.settings.length > 0);
  if (!good.length) return { test: null, settings: changed({}, test.settings) };
  return good.reduce((best, one) => (one.settings.length < best.settings.length ? one : best));
}

/** What the diagnoses of a test found broken, each once. */
export function brokenBy(test: Test): Broken[] {
  const found = new Map<string, Broken>();
  for (const event of test.events)
    if (event.kind === "diagnosed")
      for (const hop of diagnosed(event)) found.set(`${hop.source} ${hop.target} ${hop.error} ${hop.setting}`, hop);
  return [...found.values()];
}

/** Settings of the case whose name the failure itself, or what was logged of it, mentions. */
export function named(test: Test): string[] {
  const said = [test.message, test.seen, ...alarming(test).map((row) => row.text)].join("\n");
  return Object.keys(test.settings).filter((key) => {
    const name = key.split(".").pop() ?? key;
    return said.includes(key) || (name.length > 4 && new RegExp(`(^|[^\\w])${escaped(name)}($|[^\\w])`).test(said));
  });
}

function escaped(words: string): string {
  return words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
