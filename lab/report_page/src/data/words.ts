// Short words for settings, tests, times and sizes.

import type { Journal, Test } from "./journal.ts";
import { text } from "./lines.ts";
import { OUTCOMES } from "./outcomes.ts";
import { zeroOf } from "./phases.ts";

/** `test_hub_ip_is_obeyed` as a sentence. */
export function sentence(name: string): string {
  const words = name.replace(/^test_/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What the test claims: its docstring, else its name. */
export function claimOf(test: Test): string {
  if (test.claim) return test.claim;
  if (test.cells) return test.label || "default";
  return test.name ? sentence(test.name) : "A test that had not ended";
}

/** `hub.JupyterHub.hub_ip` without what does not tell it apart. */
export function shortKey(key: string): string {
  return key.split(".").pop() ?? key;
}

export function shown(value: unknown): string {
  return value === "" ? "''" : text(value);
}

export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return "no answer";
  if (seconds < 0.0095) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Seconds since the lab was in the test's case; negative on the way there. */
export function since(test: Test, at: number): string {
  return (at - zeroOf(test)).toFixed(3).replace("-", "−");
}

export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  return size < 1e6 ? `${(size / 1000).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

export function counts(journal: Journal): [string, number][] {
  const found = new Map<string, number>();
  for (const test of journal.tests) found.set(test.outcome, (found.get(test.outcome) ?? 0) + 1);
  return OUTCOMES.filter((one) => found.has(one)).map((one) => [one, found.get(one) ?? 0]);
}
