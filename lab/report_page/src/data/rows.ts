// The events of a test as rows of text in order of time: for the sequence, the log, a comparison.

import type { Test } from "./journal.ts";
import { type At, type Connection, type Exchange, record, text, texts } from "./lines.ts";
import { isKnown } from "./fields.ts";
import { failedAt, failedOnTheWay, zeroOf } from "./phases.ts";
import { bytes, duration, shortKey } from "./words.ts";

export interface Row {
  at: number;
  kind: string;
  /** Where it begins; for a log line its host. */
  source: string;
  target: string;
  text: string;
  answer: string;
  purpose: string;
  bad: boolean;
  event: At;
}

/** What programs write to colour a terminal (ECMA-48, SGR). */
const COLOURS = /\u001b\[[0-9;]*m/g;

const made = new WeakMap<Test, { count: number; rows: Row[] }>();

/** All rows of a test, in order of time; made once for as many events as it has. */
export function rowsOf(test: Test): Row[] {
  const known = made.get(test);
  if (known && known.count === test.events.length) return known.rows;
  const rows = test.events.map((event) => rowOf(event)).filter((row) => row !== null);
  const failed = failedAt(test);
  if (failed !== null) rows.push(failing(test, failed));
  rows.sort((a, b) => a.at - b.at);
  made.set(test, { count: test.events.length, rows });
  return rows;
}

/** The moment at which a test failed, among what happened. */
function failing(test: Test, at: number): Row {
  const why = (test.seen || test.message).split("\n")[0] ?? "";
  const what = test.outcome === "running" ? "the run was cut off here" : "the test fails here";
  return {
    at, kind: "fails", source: "", target: "", text: why ? `${what}: ${shortened(why)}` : what, answer: "", purpose: "",
    bad: true, event: { t: 0, at, kind: "fails" },
  };
}

const MOST_ALARMING = 8;
/** The first line of a request's headers, which a hub logs behind an error and before it. */
const HEADERS = / log:\d+\] \{$/;

/**
 * The log lines since the lab was in its case that tell most of a failure: errors, and warnings where
 * there is room, the last of them; in order of time. What servers warn of while they start is told
 * where there is nothing else, for they warn of the same each time. Of lines that say the same the
 * last one is told.
 */
export function alarming(test: Test, elseKnown = false): Row[] {
  const rows = rowsOf(test);
  const entered = failedOnTheWay(test) ? test.begin : zeroOf(test);
  const all = rows.filter((row) => row.kind === "log" && row.bad && row.at >= entered && !HEADERS.test(row.text));
  const last = new Map(all.map((row) => [`${row.source} ${row.target} ${row.text.replace(/^\[[^\]]*\]/, "")}`, row]));
  const told = new Set(last.values());
  const bad = all.filter((row) => told.has(row));
  const errors = bad.filter((row) => !/^\[W |\bwarn(ing)?: /.test(row.text));
  const others = bad.filter((row) => !errors.includes(row));
  const warnings = others.filter((row) => !row.target);
  const first = [...errors.reverse(), ...warnings.reverse()];
  const chosen = new Set((first.length || elseKnown ? first : others).slice(0, MOST_ALARMING));
  return bad.filter((row) => chosen.has(row));
}

export function rowOf(event: At): Row | null {
  const row: Row = {
    at: event.at, kind: event.kind, source: text(event.host), target: "", text: "", answer: "",
    purpose: "", bad: false, event,
  };
  switch (event.kind) {
    case "exchange": {
      const one = event as unknown as Exchange;
      row.source = one.source;
      row.target = one.target;
      row.text = `${one.method} ${one.path}`;
      row.answer = `${one.status ?? "no answer"}${one.seconds == null ? "" : ` · ${duration(one.seconds)}`} · ${bytes(one.response_bytes)}`;
      row.purpose = one.purpose;
      row.bad = one.status === null || one.status >= 500;
      return row;
    }
    case "connection": {
      const one = event as unknown as Connection;
      row.source = one.source;
      row.target = one.target;
      row.text = [one.protocol.toUpperCase(), `port ${one.port}`, one.detail].filter(Boolean).join(" ");
      row.answer = `${one.end}${one.seconds == null ? "" : ` · ${duration(one.seconds)}`}`;
      row.purpose = one.protocol;
      row.bad = ["reset", "refused", "unanswered"].includes(one.end);
      return row;
    }
    case "log_line":
      row.kind = "log";
      row.target = text(event.server);
      row.text = text(event.text).replace(COLOURS, "");
      row.bad = /^\[[WEC] |\b(warn|error|fatal): |^Traceback|^\w*Error:/.test(row.text);
      return row;
    case "spawn_progress":
      row.kind = "spawn";
      row.source = "hub";
      row.text = `${serverName(event)}: ${text(event.message)}`;
      row.answer = event.progress == null ? "" : `${text(event.progress)} %`;
      row.bad = /failed/i.test(row.text);
      return row;
    case "server_state":
      row.kind = "state";
      row.source = text(event.host) || "hub";
      row.text = `${serverName(event)} is ${text(event.state)}`;
      return row;
    case "activity":
      row.source = text(event.party);
      row.text = `${text(event.party)} believes ${serverName(event)} was last active at ${text(event.last) || "never"}`;
      return row;
    case "routes":
      row.source = text(event.party);
      row.text = `${text(event.party)} has routes ${Object.entries(record(event.routes)).map(([path, to]) => `${path} → ${text(to)}`).join(", ") || "none"}`;
      return row;
    case "restarted":
      row.kind = "restart";
      row.text = `${text(event.program)} was restarted${text(event.reason).startsWith("case ") ? " for the case" : `: ${text(event.reason)}`}`;
      row.answer = duration(Number(event.seconds));
      return row;
    case "host_power":
      row.kind = "power";
      row.text = `${text(event.action)}: ${text(event.done)}`;
      return row;
    case "fault_begun":
      row.kind = "fault";
      row.source = texts(event.targets)[0] ?? "";
      row.text = `fault begins: ${text(event.fault)} ${texts(event.targets).join(", ")}`;
      row.bad = true;
      return row;
    case "fault_healed":
      row.kind = "fault";
      row.text = `fault healed after ${duration(Number(event.seconds))}: ${Object.entries(record(event.counters)).map(([key, value]) => `${key} ${text(value)}`).join(", ")}`;
      return row;
    case "settings_applied":
      row.kind = "settings";
      row.text = `settings in effect: ${Object.entries(record(event.settings)).map(([key, value]) => `${shortKey(key)}=${text(value)}`).join(", ") || "the base's"}`;
      return row;
    case "lab_up":
      row.kind = "lab";
      row.text = `lab ${text(event.lab)} is up`;
      row.answer = duration(Number(event.seconds));
      return row;
    case "host_clock":
      row.kind = "clock";
      row.text = `its clock is ${Number(event.ahead).toFixed(3)} s ahead, within ${Number(event.accuracy).toFixed(3)} s`;
      return row;
    case "capture_lost":
      row.kind = "lost";
      row.text = `its capture lost ${event.packets == null ? "packets" : `${text(event.packets)} packets`}: ${text(event.reason)}`;
      row.bad = true;
      return row;
    case "observation":
      return observation(row, event);
    case "verdict":
      row.kind = "verdict";
      row.text = [text(event.outcome), text(event.message).split("\n")[0]].filter(Boolean).join(": ");
      row.bad = event.outcome !== "held";
      return row;
    case "finding":
      row.text = `finding confirmed: ${text(event.title)}`;
      return row;
    case "note":
      row.text = text(event.text);
      return row;
    case "diagnosed":
      row.kind = "diagnosis";
      row.text = diagnosed(event).map((hop) => `${hop.source} → ${hop.target}: ${hop.error} (${hop.setting})`).join("; ") || "every hop answers";
      row.text = `asked after the failure: ${row.text}`;
      row.bad = diagnosed(event).length > 0;
      return row;
    default:
      if (isKnown(event.kind)) return null;
      row.kind = "other";
      row.text = shortened(`${event.kind}: ${text(event)}`);
      return row;
  }
}

/** A hop that is broken, as a diagnosis tells it. */
export interface Broken {
  source: string;
  target: string;
  url: string;
  error: string;
  setting: string;
  workaround: string;
}

export function diagnosed(event: At): Broken[] {
  return (Array.isArray(event.hops) ? event.hops.map(record) : []).map((hop) => ({
    source: text(hop.source), target: text(hop.target), url: text(hop.url), error: text(hop.error),
    setting: text(hop.setting), workaround: text(hop.workaround),
  }));
}

function serverName(event: At): string {
  return event.server ? `${text(event.user)}/${text(event.server)}` : text(event.user);
}

/** What a probe asked and saw; a request also has its two ends. */
function observation(row: Row, event: At): Row {
  const data = record(event.data);
  const asked = record(data.asked);
  const seen = record(data.seen);
  row.kind = "probe";
  row.purpose = text(event.probe);
  row.bad = "error" in data;
  row.answer = row.bad ? text(data.error) : shortened(text(data.seen));
  row.text = `${text(event.probe)} ${shortened(Object.entries(asked).map(([key, value]) => `${key}=${text(value)}`).join(" "))}`;
  if (event.probe === "reach" && !row.bad) {
    const broken = brokenHops(seen).map((hop) => `${text(hop.from)} → ${text(hop.to)}: ${text(record(hop.attempt).error)}`);
    row.answer = broken.length ? `broke: ${broken.join("; ")}` : "every hop answers";
    row.bad = broken.length > 0;
  }
  if (event.probe === "request" || event.probe === "websocket") {
    row.source = "client";
    row.target = "proxy";
    row.text = `${text(asked.method) || "WebSocket"} ${pathOf(text(asked.url) || text(asked.path))}`;
    row.answer = row.bad ? row.answer : text(seen.status);
    row.bad ||= Number(seen.status) >= 500;
  }
  return row;
}

/** The hops of `reach` at which nobody answered. */
export function brokenHops(seen: Record<string, unknown>): Record<string, unknown>[] {
  return (Array.isArray(seen.hops) ? seen.hops.map(record) : []).filter((hop) => text(record(hop.attempt).error) !== "");
}

function pathOf(url: string): string {
  return url.replace(/^\w+:\/\/[^/]*/, "") || "/";
}

function shortened(words: string): string {
  return words.length > 200 ? `${words.slice(0, 199)}…` : words;
}
