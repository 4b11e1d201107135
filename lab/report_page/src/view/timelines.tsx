// States of servers, restarts and faults as bands, and what each party believed of activity.

import * as Plot from "@observablehq/plot";
import { useEffect, useMemo, useRef } from "preact/hooks";

import type { Test } from "../data/journal.ts";
import { type Band, type Belief, bandsOf, beliefsOf, truthOf } from "../data/bands.ts";
import { zeroOf } from "../data/phases.ts";
import { useDark, useWidth } from "./hooks.ts";

const LIGHT: Record<string, string> = { "pending start": "#c98a00", "pending stop": "#8a6fc0", ready: "#1f8a4c", failed: "#c62f2f", restart: "#5b7083" };
const DARK: Record<string, string> = { "pending start": "#e0a92e", "pending stop": "#ab94dc", ready: "#3fae6d", failed: "#ef6b6b", restart: "#8ba0b3" };
const PARTIES = ["truth", "server", "proxy", "hub"];

export function Timelines({ test, preparation }: { test: Test; preparation: boolean }) {
  const { states, restarts, faults } = useMemo(() => bandsOf(test), [test, test.events.length]);
  const beliefs = useMemo(() => {
    const said = beliefsOf(test).filter((one) => preparation || one.asked >= 0);
    return said.length ? [...truthOf(test).filter((one) => preparation || one.asked >= 0), ...said] : [];
  }, [test, test.events.length, preparation]);
  const bands = [...restarts, ...states].filter((one) => preparation || one.to > 0);
  if (!bands.length && !faults.length && !beliefs.length) return null;
  const length = test.end - zeroOf(test);
  const first = Math.min(0, ...[...bands, ...faults].map((one) => one.from), ...beliefs.map((one) => one.last));
  const span: [number, number] = [first, length];
  return (
    <section aria-labelledby="timelines">
      <h2 id="timelines">Over time</h2>
      {(bands.length > 0 || faults.length > 0) && (
        <Chart
          label={`Servers, restarts and faults from ${span[0].toFixed(1)} to ${length.toFixed(1)} s`}
          rows={new Set([...bands, ...faults].map((one) => one.row)).size}
          make={(width, colours) => lasting(width, colours, span, bands, faults)}
        />
      )}
      <Legend bands={[...bands, ...faults]} />
      <BandTable bands={[...faults, ...bands]} />
      {beliefs.length > 0 && (
        <>
          <h3>When was each server last active?</h3>
          <p class="small">A point is the moment that a party names. The line leads to the moment at which it was asked.</p>
          {[...new Set(beliefs.map((one) => one.server))].map((server) => (
            <div key={server}>
              <h4>{server}</h4>
              <Chart label={`Last activity of ${server}, by each party`} rows={PARTIES.length} make={(width, colours) => believed(width, colours, span, beliefs.filter((one) => one.server === server), faults)} />
            </div>
          ))}
        </>
      )}
    </section>
  );
}

type Colours = { of: Record<string, string>; ink: string; fault: string };

function Chart({ label, rows, make }: { label: string; rows: number; make: (width: number, colours: Colours) => SVGSVGElement | HTMLElement }) {
  const [width, measure] = useWidth();
  const dark = useDark();
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!width || !holder.current) return;
    const chart = make(width, dark ? { of: DARK, ink: "#d7dee6", fault: "#ef6b6b" } : { of: LIGHT, ink: "#1d2733", fault: "#c62f2f" });
    // The picture has one name; its table has the rest.
    for (const group of chart.querySelectorAll("[aria-label]")) group.removeAttribute("aria-label");
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", label);
    holder.current.replaceChildren(chart);
  }, [width, dark, make]);
  return <div class="chart" ref={measure} style={{ minHeight: `${rows * 26 + 52}px` }}><div ref={holder} /></div>;
}

function base(width: number, span: [number, number]): Plot.PlotOptions {
  return {
    width, marginLeft: Math.min(110, width / 3.5), marginRight: 12, marginTop: 10, marginBottom: 42,
    style: { fontSize: "12px", background: "transparent", color: "inherit" },
    x: { domain: span, label: "seconds since the lab was in its case", grid: true },
    y: { label: null },
  };
}

/** What lies behind all rows: the way into the case, and faults. */
function backdrop(span: [number, number], faults: Band[], colours: Colours): Plot.Markish[] {
  const before = span[0] < 0 ? [{ from: span[0], to: 0 }] : [];
  return [
    Plot.rectX(before, { x1: "from", x2: "to", fill: colours.ink, fillOpacity: 0.08 }),
    Plot.ruleX(before, { x: "to", stroke: colours.ink, strokeOpacity: 0.6 }),
    Plot.rectX(faults, { x1: "from", x2: "to", fill: colours.fault, fillOpacity: 0.14, stroke: colours.fault, strokeOpacity: 0.5 }),
  ];
}

function lasting(width: number, colours: Colours, span: [number, number], bands: Band[], faults: Band[]) {
  const rows = [...new Set([...faults, ...bands].map((one) => one.row))];
  const colour = (one: Band): string => colours.of[one.state] ?? colours.fault;
  return Plot.plot({
    ...base(width, span),
    height: rows.length * 26 + 52,
    y: { label: null, domain: rows, padding: 0.25 },
    marks: [
      ...backdrop(span, faults, colours),
      Plot.barX([...faults, ...bands], {
        x1: "from", x2: (one: Band) => Math.max(one.to, one.from + (span[1] - span[0]) / 300), y: "row", fill: colour, rx: 3,
        title: (one: Band) => `${one.row}: ${one.state}, ${one.from.toFixed(2)} to ${one.to.toFixed(2)} s\n${one.detail}`,
      }),
    ],
  });
}

function believed(width: number, colours: Colours, span: [number, number], beliefs: Belief[], faults: Band[]) {
  return Plot.plot({
    ...base(width, span),
    height: PARTIES.length * 26 + 52,
    y: { label: null, domain: PARTIES },
    marks: [
      ...backdrop(span, faults, colours),
      Plot.link(beliefs, { x1: "last", x2: "asked", y1: "party", y2: "party", stroke: colours.ink, strokeOpacity: 0.35 }),
      Plot.dot(beliefs, { x: "last", y: "party", r: 4, fill: (one: Belief) => (one.party === "truth" ? colours.of.ready ?? "" : colours.ink),
        title: (one: Belief) => `${one.party}: active at ${one.last.toFixed(2)} s, asked at ${one.asked.toFixed(2)} s` }),
    ],
  });
}

function Legend({ bands }: { bands: Band[] }) {
  const states = [...new Set(bands.map((one) => one.state))];
  return (
    <p class="legend">
      {states.map((state) => <span><i class={`swatch ${state in LIGHT ? state.replaceAll(" ", "-") : "fault"}`} /> {state in LIGHT ? state : `fault: ${state}`}</span>)}
    </p>
  );
}

/** The same in words, for who does not see the chart. */
function BandTable({ bands }: { bands: Band[] }) {
  if (!bands.length) return null;
  return (
    <details>
      <summary>The same as a table</summary>
      <div class="wide" tabIndex={0} role="region" aria-label="Bands as a table">
        <table class="diff">
          <thead><tr><th scope="col">what</th><th scope="col">state</th><th scope="col">from</th><th scope="col">to</th><th scope="col">detail</th></tr></thead>
          <tbody>{bands.map((one) => <tr><th scope="row">{one.row}</th><td>{one.state}</td><td>{one.from.toFixed(2)} s</td><td>{one.to.toFixed(2)} s</td><td>{one.detail}</td></tr>)}</tbody>
        </table>
      </div>
    </details>
  );
}
