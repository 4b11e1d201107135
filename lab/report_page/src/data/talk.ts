// Who talked to whom: hosts and the edges between them, from what captures and probes saw.

import type { Journal, Test } from "./journal.ts";
import { record, text, texts } from "./lines.ts";
import { type Row, rowsOf } from "./rows.ts";

export interface Edge {
  source: string;
  target: string;
  count: number;
  bad: number;
  /** What for: purposes or protocols, each with its number. */
  kinds: Map<string, number>;
  /** Whether a probe tried this way, and no capture saw it. */
  tried: boolean;
}

export interface Place {
  name: string;
  role: string;
  address: string;
  faults: string[];
  /** What it tried on itself in vain, as with an address that means the loopback. */
  broken: number;
}

export interface Talk {
  places: Place[];
  edges: Edge[];
  captured: boolean;
  lost: string[];
  /** What got no answer, or a bad one. */
  broken: Row[];
}

/** An address that is none of a lab's hosts, as that of the machine on which the lab runs. */
const OUTSIDE = "outside of the lab";
const ORDER = [
  "client", "browser", "page", "dns", "reverse-proxy", "proxy", "hub", "identity-provider", "database", "bastion", "node",
];

/** Where a host stands in drawings: users on the left, servers on the right. */
export function rank(role: string): number {
  if (role === OUTSIDE) return -1;
  const found = role.split(",").map((one) => ORDER.indexOf(one)).filter((one) => one >= 0);
  return found.length ? Math.min(...found) : ORDER.length - 1.5;
}

/** Who talked to whom in some rows of a test, by default in all. */
export function talkOf(journal: Journal, test: Test, rows: Row[] = rowsOf(test)): Talk {
  const captured = rows.some(isTalk);
  const judged = rows.some((row) => row.kind === "diagnosis");
  const edges = new Map<string, Edge>();
  const add = (source: string, target: string, kind: string, bad: boolean, tried: boolean): void => {
    if (!source || !target || source === target) return;
    const key = `${source} ${target}`;
    const edge = edges.get(key) ?? { source, target, count: 0, bad: 0, kinds: new Map(), tried };
    edge.count += 1;
    edge.bad += bad ? 1 : 0;
    edge.tried &&= tried;
    edge.kinds.set(kind, (edge.kinds.get(kind) ?? 0) + 1);
    edges.set(key, edge);
  };
  for (const row of rows) {
    if (isTalk(row)) add(row.source, row.target, row.purpose || "HTTP", row.bad, false);
    else if (!captured && row.kind === "probe" && row.target) add(row.source, row.target, "asked by a probe", row.bad, true);
  }
  for (const row of rows.filter((one) => one.kind === "probe" && one.purpose === "reach")) {
    const hops = record(record(row.event.data).seen).hops;
    for (const hop of Array.isArray(hops) ? hops.map(record) : []) {
      const error = text(record(hop.attempt).error);
      const target = hostIn(journal, test, text(hop.url)) || (text(hop.to).split(" ")[0] ?? "");
      if (!captured || error) add(text(hop.from), target, error ? `broke: ${error}` : "tried by reach", error !== "", true);
    }
  }
  return {
    places: placesOf(journal, test, [...edges.values()], rows),
    edges: [...edges.values()],
    captured,
    // What `reach` found broken stands at the head of the case where a diagnosis says what it means.
    broken: rows.filter((row) => row.bad && (isTalk(row) || (row.kind === "probe" && !(judged && row.purpose === "reach")))),
    lost: rows.filter((row) => row.kind === "lost").map((row) => `${row.source}: ${row.text}`),
  };
}

export function isTalk(row: Row): boolean {
  return row.kind === "exchange" || row.kind === "connection";
}

function hostIn(journal: Journal, test: Test, url: string): string {
  const name = /^\w+:\/\/([^/:]+)/.exec(url)?.[1] ?? "";
  const hosts = journal.labs.get(test.lab)?.hosts ?? [];
  return hosts.find((host) => host.name === name || host.address === name)?.name ?? "";
}

/** The lab's hosts, and whoever else took part, from users to servers. */
export function placesOf(journal: Journal, test: Test, edges: Edge[], rows: Row[]): Place[] {
  const hosts = journal.labs.get(test.lab)?.hosts ?? [];
  const faults = new Map<string, string[]>();
  for (const event of test.events.filter((one) => one.kind === "fault_begun"))
    for (const target of texts(event.targets))
      faults.set(target, [...(faults.get(target) ?? []), text(event.fault)]);
  const itself = (name: string): number => rows.filter((row) => isTalk(row) && row.bad && row.source === name && row.target === name).length;
  const found = hosts.map((host) => ({ ...host, faults: faults.get(host.name) ?? [], broken: itself(host.name) }));
  const known = new Set(found.map((one) => one.name));
  for (const name of edges.flatMap((edge) => [edge.source, edge.target])) {
    if (known.has(name)) continue;
    known.add(name);
    found.push({ name, role: ORDER.includes(name) ? name : OUTSIDE, address: "", faults: [], broken: 0 });
  }
  return found.sort((a, b) => rank(a.role) - rank(b.role) || a.name.localeCompare(b.name));
}
