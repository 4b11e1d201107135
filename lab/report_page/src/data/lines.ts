// The lines of a journal, as hublab/journal/events.py, network.py and hosts.py define them.

export interface Line {
  t: number;
  kind: string;
  [field: string]: unknown;
}

export interface Host {
  name: string;
  role: string;
  address: string;
}

export interface Exchange {
  source: string;
  target: string;
  port: number;
  method: string;
  path: string;
  status: number | null;
  seconds: number | null;
  request_bytes: number;
  response_bytes: number;
  purpose: string;
  seen_on: string;
}

export interface Connection {
  source: string;
  target: string;
  port: number;
  protocol: string;
  seconds: number | null;
  end: string;
  detail: string;
  seen_on: string;
}

/** An event at its time: seconds since 1970, so that streams of several workers can be compared. */
export interface At extends Line {
  at: number;
}

export function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (value == null) return "";
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "…"; // nested more deeply than can be written
  }
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** Seconds from the beginning of a run: nobody's lasts for thirty years. */
const LONGEST = 1e9;

/** One line of a journal as an object; null for what is none, such as a line cut in its middle. */
export function parse(source: string): Line | null {
  try {
    const value: unknown = JSON.parse(source);
    const { t, kind } = record(value);
    return typeof t === "number" && Math.abs(t) < LONGEST && typeof kind === "string" ? (value as Line) : null;
  } catch {
    return null;
  }
}
