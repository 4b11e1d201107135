// What each kind of line has in its fields. A line of another version, or of somebody else, is read
// with what it has: the rest is empty, and the line counts as odd.

import { type Line, record, text } from "./lines.ts";

type Shape = "text" | "number" | "maybe number" | "maybe text" | "texts" | "record" | "list";

const SERVER = { lab: "text", user: "text", server: "text" } as const;
const HOP = { lab: "text", source: "text", target: "text", port: "number", seen_on: "text" } as const;

/** The fields that a line must have. What may be left out is not named here. */
const FIELDS = new Map(Object.entries<Record<string, Shape>>({
  run_started: { run: "text", wall: "text" },
  run_ended: {},
  scenario: { file: "text", title: "text" },
  lab_up: { lab: "text", hosts: "list", seconds: "number" },
  lab_down: {},
  settings_applied: { lab: "text", case: "text", settings: "record" },
  restarted: { lab: "text", host: "text", program: "text", reason: "text", seconds: "number" },
  host_power: { lab: "text", host: "text", action: "text", done: "text" },
  spawn_progress: { ...SERVER, progress: "maybe number", message: "text" },
  observation: { probe: "text", data: "record" },
  diagnosed: { lab: "text", hops: "list" },
  fault_begun: { id: "text", fault: "text", targets: "texts" },
  fault_healed: { id: "text", seconds: "number", counters: "record" },
  test_failed: { test: "text", phase: "text" },
  verdict: { test: "text", case: "text", outcome: "text", seconds: "number" },
  case_answered: { case: "text", values: "record", cells: "record", seconds: "number" },
  finding: { test: "text", title: "text", project: "text" },
  note: { text: "text" },
  log_line: { lab: "text", host: "text", server: "text", text: "text" },
  host_clock: { lab: "text", host: "text", ahead: "number", accuracy: "number" },
  server_state: { ...SERVER, state: "text" },
  exchange: {
    ...HOP, method: "text", path: "text", status: "maybe number", seconds: "maybe number",
    request_bytes: "number", response_bytes: "number", purpose: "text",
  },
  connection: { ...HOP, protocol: "text", seconds: "maybe number", end: "text", detail: "text" },
  activity: { ...SERVER, party: "text", last: "maybe text" },
  routes: { lab: "text", party: "text", routes: "record" },
  capture_lost: { lab: "text", host: "text", reason: "text" },
}));

export function isKnown(kind: string): boolean {
  return FIELDS.has(kind);
}

/** Make a line as its kind has it, in place; returns whether something had to be mended. */
export function mended(line: Line): boolean {
  let odd = false;
  for (const [name, shape] of Object.entries(FIELDS.get(line.kind) ?? {})) {
    if (fits(line[name], shape)) continue;
    odd = true;
    line[name] = instead(line[name], shape);
  }
  if (line.kind === "lab_up") line.hosts = hosts(line.hosts as unknown[]);
  if (line.kind === "verdict") line.places = pairs(line.places);
  if (line.kind === "case_answered") line.cells = cells(record(line.cells));
  return odd;
}

function fits(value: unknown, shape: Shape): boolean {
  switch (shape) {
    case "text": return typeof value === "string";
    case "maybe text": return value === null || typeof value === "string";
    case "number": return typeof value === "number" && Number.isFinite(value);
    case "maybe number": return value === null || (typeof value === "number" && Number.isFinite(value));
    case "texts":
    case "list": return Array.isArray(value);
    case "record": return record(value) === value;
  }
}

function instead(value: unknown, shape: Shape): unknown {
  switch (shape) {
    case "text": return text(value);
    case "number": return 0;
    case "texts":
    case "list": return [];
    case "record": return {};
    default: return null;
  }
}

function hosts(given: unknown[]): unknown[] {
  return given.map(record).map((one) => ({ name: text(one.name), role: text(one.role), address: text(one.address) })).filter((one) => one.name !== "");
}

function pairs(given: unknown): string[][] {
  return Array.isArray(given) ? given.filter(Array.isArray).map((one) => [text(one[0]), text(one[1])]) : [];
}

function cells(given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => {
    const { short, ok, detail } = record(value);
    return [name, { short: text(short), ok: ok === true, detail: text(detail) }];
  }));
}
