// The data layer: how lines become tests, and that the number of batches makes no difference.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bandsOf, beliefsOf, truthOf } from "../src/data/bands.ts";
import { brokenBy, named, nearestGood } from "../src/data/blame.ts";
import { changed, firstDifference } from "../src/data/difference.ts";
import { Journal } from "../src/data/journal.ts";
import { failedAt, failedOnTheWay, isPreparation, zeroOf } from "../src/data/phases.ts";
import { alarming, rowsOf } from "../src/data/rows.ts";
import { talkOf } from "../src/data/talk.ts";
import { since } from "../src/data/words.ts";

const WALL = "2026-11-29T15:00:00+00:00";
const KEY = "hub.JupyterHub.hub_connect_ip";
const HOSTS = ["client", "proxy", "hub", "node"].map((name, n) => ({ name, role: name, address: `198.18.0.${n + 1}` }));

function line(t: number, kind: string, fields: object = {}): string {
  return JSON.stringify({ t, kind, lab: "one", ...fields });
}

function exchange(t: number, source: string, target: string, path: string, status: number | null): string {
  return line(t, "exchange", {
    source, target, port: 1, method: "GET", path, status, seconds: 0.1, request_bytes: 0, response_bytes: 1, purpose: "", seen_on: target,
  });
}

function testOf(value: string, from: number, works: boolean): string[] {
  return [
    line(from, "settings_applied", { case: `${KEY}=${value}`, digest: "d", settings: { [KEY]: value } }),
    line(from + 0.1, "spawn_progress", { user: "alice", server: "", progress: 0, message: "Server requested" }),
    exchange(from + 0.2, "client", "proxy", "/hub/spawn", 302),
    exchange(from + 0.3, "proxy", works ? "hub" : "proxy", "/hub/spawn", works ? 302 : null),
    line(from + 0.5, "spawn_progress", { user: "alice", server: "", progress: 100, message: works ? "Server ready" : "Spawn failed: no" }),
    line(from + 1, "verdict", {
      test: `a/test_x.py::test_y[${KEY}=${value}]`, case: `${KEY}=${value}`, outcome: works ? "held" : "failed", seconds: 1,
      message: works ? "" : "assert 503 == 200", claim: "It answers.", expected: works ? "" : "200", seen: works ? "" : "503",
    }),
  ];
}

const RUN = [
  JSON.stringify({ t: 0, kind: "run_started", run: "r", wall: WALL }),
  line(2, "lab_up", { subnet: "198.18.0.0/24", hosts: HOSTS, seconds: 1 }),
  line(1, "scenario", { file: "a/test_x.py", title: "X", why: "so", sources: ["docs"] }),
  ...testOf("hub", 2, true),
  ...testOf("127.0.0.1", 4, false),
  // A capture's record of the first test, which came late.
  exchange(2.4, "hub", "node", "/late", 200),
  line(6, "fault_begun", { id: "f", fault: "freeze", targets: ["node"], parameters: {} }),
];
const END = JSON.stringify({ t: 9, kind: "run_ended", run: "r" });

function read(...batches: string[][]): Journal {
  const journal = new Journal();
  for (const batch of batches) journal.addLines(batch);
  return journal;
}

function state(journal: Journal): unknown {
  const { run, tests, findings, scenarios, labs, columns, unread, odd, unknown, count, unended, begin, end } = journal;
  return structuredClone({ run, tests, findings, scenarios, labs, columns, unread, odd, unknown, count, unended, begin, end });
}

test("three batches give the same state as one, wherever they are cut", () => {
  const lines = [...RUN, END];
  const whole = state(read(lines));
  for (let one = 1; one < lines.length - 1; one += 1)
    for (let two = one + 1; two < lines.length; two += 1)
      assert.deepEqual(state(read(lines.slice(0, one), lines.slice(one, two), lines.slice(two))), whole);
});

test("whoever listens hears of each batch", () => {
  const journal = new Journal();
  let heard = 0;
  const end = journal.subscribe(() => { heard += 1; });
  journal.addLines(RUN.slice(0, 3));
  journal.addLines(RUN.slice(3));
  end();
  journal.addLines([END]);
  assert.equal(heard, 2);
});

test("a test has its case, its verdict and what happened from its first event to its last", () => {
  const [held, failed] = read(RUN).tests;
  assert.equal(held?.outcome, "held");
  assert.deepEqual(failed?.settings, { [KEY]: "127.0.0.1" });
  assert.deepEqual([failed?.expected, failed?.seen, failed?.claim], ["200", "503", "It answers."]);
  assert.equal(failed?.label, `${KEY}=127.0.0.1`);
  assert.equal(failed && failed.end - failed.begin, 1);
});

test("a record that comes late belongs to the test of its time", () => {
  const [held, failed] = read(RUN).tests;
  assert.ok(held && rowsOf(held).some((row) => row.text.includes("/late")));
  assert.ok(failed && !rowsOf(failed).some((row) => row.text.includes("/late")));
});

test("a run without its end is half a run, and its last test has no verdict", () => {
  const half = read(RUN);
  assert.equal(half.unended, 1);
  assert.equal(half.tests.at(-1)?.outcome, "running");
  assert.equal(read([...RUN, END]).unended, 0);
});

test("lines that are none are counted, and the others stay", () => {
  const journal = read([...RUN.slice(0, 4), '{"t": 3, "kind": "verd', "[]", ""]);
  assert.equal(journal.unread, 2);
  assert.equal(journal.count, 4);
});

test("streams of several workers keep apart what happens at the same time", () => {
  const journal = new Journal();
  const of = (name: string): string[] => RUN.map((one) => one.replaceAll('"one"', `"${name}"`));
  const [a, b] = [of("a"), of("b")];
  for (let n = 0; n < a.length; n += 1) {
    journal.addLines([a[n] ?? ""], "gw0");
    journal.addLines([b[n] ?? ""], "gw1");
  }
  for (const one of journal.tests)
    assert.deepEqual([...new Set(one.events.map((event) => event.lab))], [one.stream === "gw0" ? "a" : "b"]);
});

test("the first difference of two cases is the hop that went another way", () => {
  const [held, failed] = read(RUN).tests;
  assert.ok(held && failed);
  assert.deepEqual(changed(held.settings, failed.settings), [{ key: KEY, from: "hub", to: "127.0.0.1" }]);
  const { left, right, at } = firstDifference(held, failed);
  assert.equal(at, 2);
  assert.deepEqual([left[at]?.target, right[at]?.target], ["hub", "proxy"]);
  assert.equal(firstDifference(held, held).at, -1);
});

test("what talked to what is counted by pair, and what failed on a host itself is told", () => {
  const journal = read(RUN);
  const [held, failed] = journal.tests;
  assert.ok(held && failed);
  const edges = talkOf(journal, held).edges.map((edge) => [edge.source, edge.target, edge.count, edge.bad]);
  assert.deepEqual(edges, [["client", "proxy", 1, 0], ["proxy", "hub", 1, 0], ["hub", "node", 1, 0]]);
  assert.equal(talkOf(journal, failed).places.find((one) => one.name === "proxy")?.broken, 1);
});

test("states, faults and beliefs have their times", () => {
  const journal = read(RUN, [
    line(6.5, "activity", { party: "hub", user: "alice", server: "", last: "2026-11-29T15:00:06.250+00:00" }),
    line(7, "fault_healed", { id: "f", seconds: 1, counters: { signals: 2 } }),
  ]);
  const [held, , open] = journal.tests;
  assert.ok(held && open);
  const round = (number: number): number => Math.round(number * 1000) / 1000;
  assert.deepEqual(bandsOf(held).states.map((one) => [one.state, round(one.from), round(one.to)]), [["pending start", 0.1, 0.5], ["ready", 0.5, 1]]);
  assert.deepEqual(bandsOf(open).faults.map((one) => [one.state, round(one.to), one.detail]), [["freeze", 1, "signals 2"]]);
  assert.deepEqual(beliefsOf(open).map((one) => [one.party, round(one.last), round(one.asked)]), [["hub", 0.25, 0.5]]);
});

test("of many alarming log lines the errors and the last warnings are chosen, in order of time", () => {
  const said = (t: number, words: string, server = ""): string =>
    line(t, "log_line", { host: "hub", server, text: words });
  const warnings = Array.from({ length: 20 }, (_, n) => said(4.1 + n / 100, `[W 1] warning ${n}`));
  const lines = [...RUN.slice(0, 3), ...testOf("127.0.0.1", 4, false)];
  lines.splice(-1, 0, ...warnings, said(4.9, "[E 1] the cause"), said(4.91, "[I 1] fine"));
  lines.splice(-1, 0, said(4.95, "[W 1] what each server says", "alice"));
  const [test] = read(lines).tests;
  assert.ok(test);
  const told = alarming(test).map((row) => row.text);
  assert.equal(told.length, 8);
  assert.deepEqual([told[0], told.at(-1)], ["[W 1] warning 13", "[E 1] the cause"]);
});

test("only what reaches a server is activity in truth", () => {
  const paths = ["/user/alice/api", "/base/user/alice/lab", "/api/routes/user/alice", "/hub/api/users/alice", "/base/hub/user/alice"];
  const journal = read([...RUN.slice(0, 3), ...paths.map((path, n) => exchange(3 + n, "client", "proxy", path, 200))]);
  const [test] = journal.tests;
  assert.ok(test);
  assert.deepEqual(truthOf(test).map((one) => [one.server, one.last]), [["alice", 1], ["alice", 2]]);
});

test("rows of hublab matrix carry their answers", () => {
  const journal = read([
    ...RUN.slice(0, 2),
    line(3, "case_answered", { case: "k=1", values: { k: "1" }, cells: { spawn: { short: "ready", ok: true, detail: "" } }, seconds: 1.5 }),
  ]);
  assert.ok(journal.isMatrix);
  assert.deepEqual(journal.columns, ["spawn"]);
  assert.equal(journal.tests[0]?.cells?.spawn?.short, "ready");
});

test("time zero is when the lab was in the case, and what came before is preparation", () => {
  const journal = read([
    RUN[0] ?? "",
    line(60, "lab_up", { subnet: "", hosts: HOSTS, seconds: 58 }),
    exchange(61, "client", "proxy", "/hub/api", 200),
    line(62, "restarted", { host: "hub", program: "hub", reason: "case", seconds: 1.5 }),
    ...testOf("127.0.0.1", 63, false).slice(0, -1),
    line(63.8, "test_failed", { test: "a", phase: "call" }),
    ...testOf("127.0.0.1", 63, false).slice(-1),
  ]);
  const [one] = journal.tests;
  assert.ok(one);
  assert.equal(since(one, zeroOf(one)), "0.000");
  assert.equal(since(one, zeroOf(one) - 2), "−2.000");
  const before = rowsOf(one).filter((row) => isPreparation(one, row.at)).map((row) => row.kind);
  assert.deepEqual(before, ["lab", "exchange", "restart"]);
  assert.deepEqual(bandsOf(one).restarts.map((band) => [band.from, band.to]), [[-2.5, -1]]);
  assert.ok(!failedOnTheWay(one));
  const failing = rowsOf(one).find((row) => row.kind === "fails");
  assert.equal(failing?.text, "the test fails here: 503");
  assert.equal(failing && since(one, failing.at), "0.800");
});

test("the moment of a failure in an older journal is that at which its evidence was saved", () => {
  const lines = testOf("127.0.0.1", 4, false);
  lines.splice(-1, 0, line(4.7, "host_clock", { host: "hub", ahead: 0, accuracy: 0.1 }));
  const [one] = read([...RUN.slice(0, 3), ...lines]).tests;
  assert.ok(one);
  assert.equal(Math.round(((failedAt(one) ?? 0) - zeroOf(one)) * 10), 7);
  const [held] = read(RUN).tests;
  assert.equal(held && failedAt(held), null);
});

test("a test whose lab did not get into its case failed on the way there", () => {
  const verdict = testOf("127.0.0.1", 4, false).at(-1) ?? "";
  const [never] = read([...RUN.slice(0, 2), verdict]).tests;
  const [refused] = read([...RUN.slice(0, 2), testOf("127.0.0.1", 4, false)[0] ?? "", verdict]).tests;
  assert.ok(never && failedOnTheWay(never) && refused && failedOnTheWay(refused));
});

test("the settings to look at are those that the nearest good case has otherwise, and what a diagnosis names", () => {
  const hop = { source: "node", target: "hub", url: "http://127.0.0.1:8081", error: "Connection refused", setting: KEY, workaround: null };
  const lines = testOf("127.0.0.1", 4, false);
  lines.splice(-1, 0, line(4.8, "diagnosed", { hops: [hop] }), line(4.8, "diagnosed", { hops: [hop] }));
  lines.splice(-1, 0, line(4.7, "log_line", { host: "hub", server: "", text: "[E 1] see hub_connect_ip" }));
  const journal = read([...RUN.slice(0, 3), ...testOf("hub", 2, true), ...lines]);
  const failed = journal.tests.at(-1);
  assert.ok(failed);
  const near = nearestGood(journal, failed);
  assert.equal(near.test, journal.tests[0]);
  assert.deepEqual(near.settings, [{ key: KEY, from: "hub", to: "127.0.0.1" }]);
  assert.deepEqual(brokenBy(failed).map((one) => [one.setting, one.error]), [[KEY, "Connection refused"]]);
  assert.deepEqual(named(failed), [KEY]);
  // It is asked after a failure alone, so it tells nothing of what went another way.
  const without = read([...RUN.slice(0, 3), ...lines.filter((one) => !one.includes("diagnosed"))]).tests.at(-1);
  assert.ok(without);
  assert.equal(firstDifference(without, failed).at, -1);
  const [alone] = read([...RUN.slice(0, 3), ...lines]).tests;
  assert.ok(alone);
  assert.equal(nearestGood(read([...RUN.slice(0, 3), ...lines]), alone).test, null);
});

test("an odd line is read with what it has, and told", () => {
  const odd = [
    { t: 1, kind: "lab_up", hosts: [null, { name: "hub" }, 7] },
    { t: 2, kind: "exchange", source: "client" },
    { t: 2, kind: "restarted", host: "hub", seconds: "long" },
    { t: 3, kind: "from_the_future", words: { a: [1] } },
    { t: 3, kind: "observation", probe: "reach", data: { seen: { hops: [null, { attempt: 1 }] } } },
    { t: 3, kind: "observation", probe: "activity", data: { seen: [null, { name: "", user: 1, hub: "x" }] } },
    { t: 3, kind: "fault_begun" },
    { t: 3, kind: "diagnosed", hops: [null] },
    { t: 3, kind: "constructor" },
    { t: 4, kind: "case_answered", case: "k", values: { k: "1" }, cells: { spawn: null }, seconds: 1 },
    { t: 4, kind: "case_answered", cells: [] },
    { t: 5, kind: "verdict", test: 7, outcome: "failed", seconds: null, places: ["x", [1, null], null] },
    { t: 1e300, kind: "note", text: "never" },
    { t: 6, kind: "run_started", wall: "yesterday" },
  ].map((one) => JSON.stringify(one));
  const journal = read(odd, ['{"t": 1e999, "kind": "note", "text": ""}', '{"t": 9, "kind": "verd']);
  assert.equal(journal.unread, 3);
  assert.deepEqual([...journal.unknown], [["from_the_future", 1], ["constructor", 1]]);
  assert.ok([...journal.odd.keys()].includes("exchange"));
  assert.equal(journal.undated, 1);
  for (const one of journal.tests) {
    assert.ok(Number.isFinite(one.begin) && Number.isFinite(one.end));
    assert.ok(rowsOf(one).every((row) => typeof row.text === "string" && typeof row.answer === "string"));
    talkOf(journal, one);
    bandsOf(one);
    beliefsOf(one);
    truthOf(one);
    nearestGood(journal, one);
    named(one);
  }
  assert.equal(journal.tests[0]?.cells?.spawn?.short, "");
  assert.deepEqual(journal.tests.at(-1)?.places, [["1", ""]]);
  assert.deepEqual(journal.labs.get("")?.hosts.map((host) => host.name), ["hub"]);
  assert.ok(rowsOf(journal.tests[0] as never).some((row) => row.kind === "other" && row.text.startsWith("from_the_future: ")));
});

test("a connection that outlived a test without a capture is of the test that captured it", () => {
  const ssh = (t: number, seconds: number | null): string =>
    line(t, "connection", { source: "hub", target: "node", port: 22, protocol: "ssh", seconds, sent: 1, received: 1, end: "closed", detail: "", seen_on: "hub" });
  const held = testOf("hub", 2, true).filter((one) => !one.includes('"exchange"'));
  const failed = testOf("127.0.0.1", 4, false);
  for (const lines of [[...held.slice(0, -1), ssh(2.4, 1.5), ...held.slice(-1), ...failed], [...held, ...failed.slice(0, 2), ssh(2.4, null), ...failed.slice(2)]]) {
    const [one, other] = read([...RUN.slice(0, 3), ...lines]).tests;
    assert.ok(one && other);
    assert.ok(!rowsOf(one).some((row) => row.kind === "connection"));
    assert.ok(rowsOf(other).some((row) => row.kind === "connection" && isPreparation(other, row.at)));
  }
  const [own] = read([...RUN.slice(0, 3), ...testOf("hub", 2, true).slice(0, -1), ssh(2.4, 5), ...testOf("hub", 2, true).slice(-1)]).tests;
  assert.ok(own && rowsOf(own).some((row) => row.kind === "connection"));
});
