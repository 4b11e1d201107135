// What a page knows of a run. It takes a journal's lines in any number of batches, as they come:
// a file has all of them, a live view gets more and more.

import { isKnown, mended } from "./fields.ts";
import { type At, type Host, parse, record, text, texts } from "./lines.ts";

/** A test in one case, or one row of `hublab matrix`; `outcome` is `running` until its verdict. */
export interface Test {
  index: number;
  stream: string;
  id: string;
  file: string;
  name: string;
  label: string;
  case: string;
  settings: Record<string, unknown>;
  lab: string;
  outcome: string;
  message: string;
  claim: string;
  expected: string;
  seen: string;
  places: string[][];
  begin: number;
  end: number;
  /** When the lab was in the test's case; null until then, and where a journal does not say. */
  entered: number | null;
  /** When it failed, where the journal says so; see `failedAt`. */
  failed: number | null;
  events: At[];
  cells: Record<string, Cell> | null;
}

/** An answer of a matrix. */
export interface Cell {
  short: string;
  ok: boolean;
  detail: string;
}

export interface Finding {
  test: string;
  title: string;
  project: string;
  steps: string;
  expected: string;
  seen: string;
}

export interface Scenario {
  file: string;
  title: string;
  why: string;
  sources: string[];
}

export interface Lab {
  name: string;
  subnet: string;
  hosts: Host[];
}

interface Stream {
  wall: number;
  begun: number;
  ended: number;
  open: Test | null;
  closed: Test[];
  /** What a capture saw of a connection that had begun in the test before. */
  carried: At[];
  settings: Map<string, Record<string, unknown>>;
  lab: string;
  last: number;
}

/** What may be written after the test that it belongs to: it goes to that test by its time. */
const LATE = new Set([
  "log_line", "exchange", "connection", "activity", "routes", "capture_lost", "server_state", "host_clock",
]);
export const MATRIX = "hublab matrix";

export class Journal {
  run = "";
  tests: Test[] = [];
  findings: Finding[] = [];
  scenarios = new Map<string, Scenario>();
  labs = new Map<string, Lab>();
  columns: string[] = [];
  unread = 0;
  /** Lines that lack a field, or have something else in it, by their kind. */
  odd = new Map<string, number>();
  /** Lines of kinds that this page does not know. */
  unknown = new Map<string, number>();
  count = 0;
  version = 0;
  private streams = new Map<string, Stream>();
  private listeners = new Set<() => void>();

  /** Take complete lines of one process's journal. Lines that are none are counted. */
  addLines(lines: Iterable<string>, stream = ""): void {
    for (const line of lines) {
      if (line === "") continue;
      const event = parse(line);
      if (event === null) {
        this.unread += 1;
        continue;
      }
      if (!isKnown(event.kind)) this.unknown.set(event.kind, (this.unknown.get(event.kind) ?? 0) + 1);
      else if (mended(event)) this.odd.set(event.kind, (this.odd.get(event.kind) ?? 0) + 1);
      this.add({ ...event, at: event.t }, stream);
    }
    this.version += 1;
    for (const listener of this.listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** How many processes began this run and did not come to its end. */
  get unended(): number {
    return [...this.streams.values()].reduce((sum, one) => sum + Math.max(0, one.begun - one.ended), 0);
  }

  /** How many streams do not say when they began: their times count from an unknown moment. */
  get undated(): number {
    return [...this.streams.values()].filter((one) => one.wall === 0).length;
  }

  get begin(): number {
    return Math.min(...[...this.streams.values()].filter((one) => one.wall > 0).map((one) => one.wall));
  }

  get end(): number {
    return Math.max(...[...this.streams.values()].map((one) => one.last));
  }

  get isMatrix(): boolean {
    return this.tests.some((test) => test.cells !== null);
  }

  private stream(name: string): Stream {
    let found = this.streams.get(name);
    if (!found) {
      found = { wall: 0, begun: 0, ended: 0, open: null, closed: [], carried: [], settings: new Map(), lab: "", last: 0 };
      this.streams.set(name, found);
    }
    return found;
  }

  private add(event: At, name: string): void {
    const stream = this.stream(name);
    this.count += 1;
    if (event.kind === "run_started") {
      // A merged journal has one of these for each process; its times count from the first.
      if (stream.begun === 0) stream.wall = Date.parse(text(event.wall)) / 1000 || 0;
      stream.begun += 1;
      this.run ||= text(event.run);
      stream.last = Math.max(stream.last, stream.wall + event.t);
      return;
    }
    event.at = stream.wall + event.t;
    stream.last = Math.max(stream.last, event.at);
    switch (event.kind) {
      case "run_ended":
        stream.ended += 1;
        stream.open = null;
        return;
      case "lab_up":
        this.labs.set(text(event.lab), {
          name: text(event.lab),
          subnet: text(event.subnet),
          hosts: event.hosts as Host[],
        });
        stream.lab = text(event.lab);
        break;
      case "lab_down":
        return;
      case "scenario":
        this.scenarios.set(text(event.file), {
          file: text(event.file), title: text(event.title), why: text(event.why),
          sources: texts(event.sources),
        });
        return;
      case "finding":
        this.findings.push({
          test: text(event.test), title: text(event.title), project: text(event.project),
          steps: text(event.steps), expected: text(event.expected), seen: text(event.seen),
        });
        break;
      case "settings_applied":
        stream.lab = text(event.lab);
        stream.settings.set(stream.lab, record(event.settings));
        break;
    }
    const test = this.testOf(stream, event, name);
    test.events.push(event);
    if (event.kind === "restarted") test.begin = Math.min(test.begin, event.at - Number(event.seconds));
    if (typeof event.lab === "string" && event.lab) test.lab = event.lab;
    if (event.kind === "settings_applied") test.entered ??= event.at;
    if (event.kind === "test_failed") test.failed ??= event.at;
    if (event.kind === "verdict") this.close(stream, test, event);
    else if (event.kind === "case_answered") this.answer(stream, test, event);
    else if (test === stream.open) test.end = Math.max(test.end, event.at);
  }

  private testOf(stream: Stream, event: At, name: string): Test {
    if (LATE.has(event.kind)) {
      const before = stream.closed.findLast((one) => one.begin <= event.at);
      if (before && event.at <= before.end && !isCarried(event, before)) return before;
    }
    if (!stream.open) {
      stream.open = {
        index: this.tests.length, stream: name, id: "", file: "", name: "", label: "", case: "",
        settings: {}, lab: stream.lab, outcome: "running", message: "", claim: "", expected: "",
        seen: "", places: [], begin: event.at, end: event.at, entered: null, failed: null,
        events: stream.carried, cells: null,
      };
      stream.carried = [];
      this.tests.push(stream.open);
    }
    return stream.open;
  }

  private close(stream: Stream, test: Test, event: At): void {
    const id = text(event.test);
    const [path, ...rest] = id.split("::");
    const whole = rest.join("::");
    const bracket = whole.indexOf("[");
    Object.assign(test, {
      id,
      file: path ?? "",
      name: bracket < 0 ? whole : whole.slice(0, bracket),
      label: bracket < 0 ? "" : whole.slice(bracket + 1, -1),
      case: text(event.case),
      outcome: text(event.outcome),
      message: text(event.message),
      claim: text(event.claim),
      expected: text(event.expected),
      seen: text(event.seen),
      places: event.places as string[][],
      begin: Math.min(test.begin, event.at - Number(event.seconds)),
      end: event.at,
      settings: this.settingsOf(stream, test),
    });
    const carried = new Set(test.events.filter((one) => isCarried(one, test)));
    test.events = test.events.filter((one) => !carried.has(one));
    stream.carried = [...carried];
    stream.open = null;
    stream.closed.push(test);
  }

  private answer(stream: Stream, test: Test, event: At): void {
    const cells = record(event.cells) as unknown as Record<string, Cell>;
    for (const column of Object.keys(cells)) if (!this.columns.includes(column)) this.columns.push(column);
    Object.assign(test, {
      id: text(event.case), file: MATRIX, name: MATRIX, label: text(event.case), case: text(event.case),
      outcome: "answered", begin: Math.min(test.begin, event.at - Number(event.seconds)), end: event.at, cells,
      settings: record(event.values),
    });
    stream.open = null;
    stream.closed.push(test);
  }

  private settingsOf(stream: Stream, test: Test): Record<string, unknown> {
    return stream.settings.get(test.lab) ?? {};
  }
}

/**
 * Whether a connection began in a test of which no capture was kept, and outlived it: then the capture of
 * a later test has seen it.
 */
function isCarried(event: At, test: Test): boolean {
  if (event.kind !== "connection" || test.events.some((one) => one.kind === "exchange")) return false;
  return event.seconds == null || event.at + Number(event.seconds) > test.end;
}
