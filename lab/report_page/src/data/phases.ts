// A test's times: its way into its case, the test itself from zero on, and the moment at which it failed.

import type { Test } from "./journal.ts";
import type { At } from "./lines.ts";
import { BAD } from "./outcomes.ts";

/** Time zero: the lab is in the test's case. What a journal does not say begins with the test. */
export function zeroOf(test: Test): number {
  return test.entered ?? test.begin;
}

/** Whether something is part of the way into the case: a lab that comes up, a restart, the lab's own requests. */
export function isPreparation(test: Test, at: number): boolean {
  return test.entered !== null && at < test.entered;
}

const DONE_BY_TESTS = new Set(["observation", "spawn_progress", "fault_begun", "server_state"]);

/** Whether a test failed before it did anything: then its way into the case is what tells why. */
export function failedOnTheWay(test: Test): boolean {
  const zero = test.entered;
  if (!BAD.has(test.outcome)) return false;
  return zero === null || !test.events.some((event) => event.at >= zero && DONE_BY_TESTS.has(event.kind));
}

/** When a test failed: its teardown and what saved its evidence come later. Null for one that did not. */
export function failedAt(test: Test): number | null {
  if (!BAD.has(test.outcome)) return null;
  if (test.failed !== null) return test.failed;
  // Hosts' clocks are read when evidence is saved, which is at once.
  const saved = test.events.find((event: At) => event.kind === "host_clock" && event.at >= zeroOf(test));
  return saved?.at ?? test.end;
}
