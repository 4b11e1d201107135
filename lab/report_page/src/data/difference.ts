// Two cases beside each other: which settings differ, and the first thing that went another way.

import type { Test } from "./journal.ts";
import { isPreparation } from "./phases.ts";
import { type Row, rowsOf } from "./rows.ts";

export interface Changed {
  key: string;
  from: unknown;
  to: unknown;
}

/** Settings that differ; `undefined` on the side that leaves one at its default. */
export function changed(from: Record<string, unknown>, to: Record<string, unknown>): Changed[] {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return keys
    .map((key) => ({ key, from: from[key], to: to[key] }))
    .filter((one) => JSON.stringify(one.from) !== JSON.stringify(one.to));
}

/** A row without what differs between any two runs: ports, times, tokens' places. */
export function alike(row: Row): string {
  const words = `${row.kind} ${row.source} ${row.target} ${row.text} ${row.answer}`;
  return words.replace(/\b[0-9a-f]{6,}\b|\d+(\.\d+)*/g, (found) => (/^[1-5]\d\d$/.test(found) ? found : "#"));
}

/** The rows of both that are compared, and the index of the first pair that differs; -1 for none. */
export function firstDifference(one: Test, other: Test): { left: Row[]; right: Row[]; at: number } {
  // How a lab got into its case depends on the case before.
  const [all, others] = [one, other].map((test) => rowsOf(test).filter((row) => !isPreparation(test, row.at))) as [Row[], Row[]];
  // Of a test that held no capture may be kept: then only what both have tells them apart.
  const captured = all.some(isTalk) && others.some(isTalk);
  const left = all.filter((row) => isCompared(row) && (captured || !isTalk(row)));
  const right = others.filter((row) => isCompared(row) && (captured || !isTalk(row)));
  const most = Math.max(left.length, right.length);
  for (let n = 0; n < most; n += 1) {
    const [a, b] = [left[n], right[n]];
    if (!a || !b || alike(a) !== alike(b)) return { left, right, at: n };
  }
  return { left, right, at: -1 };
}

function isTalk(row: Row): boolean {
  return row.kind === "exchange" || row.kind === "connection";
}

function isCompared(row: Row): boolean {
  // Polls and reports come when their clocks say, so their order tells nothing. Settings are compared
  // on their own. A diagnosis is asked after a failure alone.
  return !["log", "activity", "clock", "lab", "settings", "restart", "fails", "diagnosis"].includes(row.kind) && !["poll", "activity"].includes(row.purpose);
}
