// What came before a test's time zero: how the lab got into the case. Told in one line, and shown where
// somebody wants to see it.

import type { Test } from "../data/journal.ts";
import { isPreparation, zeroOf } from "../data/phases.ts";
import { type Row, rowsOf } from "../data/rows.ts";
import { isTalk } from "../data/talk.ts";
import { duration } from "../data/words.ts";

/** The rows of a test, with or without those of its preparation. */
export function rowsIn(test: Test, preparation: boolean): Row[] {
  const rows = rowsOf(test);
  return preparation ? rows : rows.filter((row) => !isPreparation(test, row.at));
}

interface Props {
  test: Test;
  shown: boolean;
  show: (shown: boolean) => void;
}

export function Preparation({ test, shown, show }: Props) {
  const before = rowsOf(test).filter((row) => isPreparation(test, row.at));
  if (!before.length) return null;
  return (
    <div class="preparation">
      <label>
        <input type="checkbox" checked={shown} onChange={(event) => show(event.currentTarget.checked)} />{" "}
        Show how the lab got into this case
      </label>
      <span class="small"> {told(test, before)}. Time 0 is when it was there.</span>
    </div>
  );
}

function told(test: Test, before: Row[]): string {
  const restarts = before.filter((row) => row.kind === "restart").length;
  const number = (count: number, one: string, more: string): string => (count ? `${count} ${count === 1 ? one : more}` : "");
  const parts = [
    before.some((row) => row.kind === "lab") ? "the lab came up" : "",
    number(restarts, "restart", "restarts"),
    number(before.filter(isTalk).length, "message between hosts", "messages between hosts"),
    number(before.filter((row) => row.kind === "log").length, "log line", "log lines"),
  ].filter(Boolean);
  return `${duration(zeroOf(test) - test.begin)} before${parts.length ? `: ${parts.join(", ")}` : ""}`;
}
