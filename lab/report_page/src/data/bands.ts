// What lasts: states of servers, restarts and faults as bands; what parties believed as points.

import type { Test } from "./journal.ts";
import { record, text, texts } from "./lines.ts";
import { zeroOf } from "./phases.ts";

export interface Band {
  row: string;
  state: string;
  from: number;
  to: number;
  detail: string;
}

/** When a server was last active by one party, and when that was asked. */
export interface Belief {
  party: string;
  server: string;
  last: number;
  asked: number;
}

/** A path of a server behind any base URL; the hub and the proxy's own API have other ones. */
const USERS = /^(?!\/api\/routes\/)(?!.*\/hub\/)(\/[^/]+)*\/user\/[^/]+/;
const PARTIES = ["server", "proxy", "hub"];

/** Bands of one test; times are seconds since the lab was in its case. */
export function bandsOf(test: Test): { states: Band[]; restarts: Band[]; faults: Band[] } {
  const states: Band[] = [];
  const restarts: Band[] = [];
  const faults = new Map<string, Band>();
  const open = new Map<string, Band>();
  const zero = zeroOf(test);
  const end = test.end - zero;
  const enter = (server: string, state: string, at: number, detail: string): void => {
    const before = open.get(server);
    if (before?.state === state) return;
    if (before) before.to = at;
    open.delete(server);
    if (state === "stopped") return;
    const band = { row: server, state, from: at, to: end, detail };
    open.set(server, band);
    states.push(band);
  };
  const known = new Set(test.events.filter((one) => one.kind === "server_state").map(serverOf));
  for (const event of [...test.events].sort((a, b) => a.at - b.at)) {
    const at = event.at - zero;
    switch (event.kind) {
      case "server_state":
        enter(serverOf(event), text(event.state), at, "by the hub's API");
        break;
      case "spawn_progress":
        // What the user sees stands in where nobody asked the hub for states.
        if (known.has(serverOf(event))) break;
        if (event.progress !== 100) enter(serverOf(event), "pending start", at, "by its progress");
        else enter(serverOf(event), /failed/i.test(text(event.message)) ? "failed" : "ready", at, text(event.message));
        break;
      case "restarted":
        restarts.push({
          row: text(event.host), state: "restart", from: at - Number(event.seconds), to: at,
          detail: `${text(event.program)}: ${text(event.reason)}`,
        });
        break;
      case "fault_begun":
        faults.set(text(event.id), {
          row: texts(event.targets).join(", "), state: text(event.fault), from: at, to: end,
          detail: "not healed before the end",
        });
        break;
      case "fault_healed": {
        const band = faults.get(text(event.id));
        if (band) {
          band.to = at;
          band.detail = Object.entries(record(event.counters)).map(([key, value]) => `${key} ${text(value)}`).join(", ");
        }
        break;
      }
    }
  }
  return { states, restarts, faults: [...faults.values()] };
}

function serverOf(event: Record<string, unknown>): string {
  return event.server ? `${text(event.user)}/${text(event.server)}` : text(event.user);
}

/** Who believed what of a server's last activity: from captures' events, and from probes. */
export function beliefsOf(test: Test): Belief[] {
  const found: Belief[] = [];
  const add = (party: string, server: string, last: unknown, at: number): void => {
    const moment = Date.parse(text(last)) / 1000;
    if (Number.isFinite(moment))
      found.push({ party, server, last: moment - zeroOf(test), asked: at - zeroOf(test) });
  };
  for (const event of test.events) {
    if (event.kind === "activity") add(text(event.party), serverOf(event), event.last, event.at);
    if (event.kind !== "observation") continue;
    const seen = record(event.data).seen;
    if (event.probe === "last_activity") {
      const server = text(record(record(event.data).asked).server);
      const { server: own, proxy, hub_server: hub } = record(seen);
      for (const [party, last] of Object.entries({ server: own, proxy, hub })) add(party, server, last, event.at);
    }
    if (event.probe !== "activity") continue;
    for (const one of Array.isArray(seen) ? seen.map(record) : []) {
      if (one.name == null) continue;
      for (const party of PARTIES)
        add(party, serverOf({ user: one.user, server: one.name }), record(one[party]).at, event.at);
    }
  }
  return found;
}

/** When users' requests really reached a server: the truth that the parties are compared with. */
export function truthOf(test: Test): Belief[] {
  return test.events
    .filter((one) => one.kind === "exchange" && one.target === "proxy" && USERS.test(text(one.path)))
    .map((one) => {
      const server = /user\/([^/]+)/.exec(text(one.path))?.[1] ?? "";
      return { party: "truth", server, last: one.at - zeroOf(test), asked: one.at - zeroOf(test) };
    });
}
