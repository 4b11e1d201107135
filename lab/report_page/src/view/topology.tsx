// The hosts and what talked to what, laid out by dagre.

import { Graph, layout } from "@dagrejs/dagre";
import { useMemo } from "preact/hooks";

import type { Journal, Test } from "../data/journal.ts";
import { BAD } from "../data/outcomes.ts";
import { type Edge, type Place, rank, type Talk, talkOf } from "../data/talk.ts";
import { since } from "../data/words.ts";
import { rowsIn } from "./preparation.tsx";
import { useWidth } from "./hooks.ts";

const BOX = { width: 132, height: 54 };
const NARROW = 600;
const MOST_BROKEN = 6;

interface Drawn {
  width: number;
  height: number;
  boxes: { place: Place; x: number; y: number }[];
  lines: { edge: Edge; path: string; x: number; y: number }[];
}

export function Topology({ journal, test, preparation }: { journal: Journal; test: Test; preparation: boolean }) {
  const talk = useMemo(() => talkOf(journal, test, rowsIn(test, preparation)), [journal.version, test, preparation]);
  const [width, measure] = useWidth();
  const down = width > 0 && width < NARROW;
  const drawn = useMemo(() => draw(talk, down), [talk, down]);
  return (
    <section aria-labelledby="talk">
      <h2 id="talk">What talked to what</h2>
      {!talk.captured && <p class="small">No capture of this test is in the journal (<code>--lab-capture</code>). Arrows are what probes tried.</p>}
      {talk.lost.map((one) => <p class="lost">{one}</p>)}
      <div ref={measure} class="drawing">
        <svg
          viewBox={`0 0 ${drawn.width} ${drawn.height}`} style={{ maxWidth: `${drawn.width}px` }}
          role="img" aria-label={`${talk.places.length} hosts; ${talk.edges.map((edge) => `${edge.source} to ${edge.target}: ${label(edge)}`).join("; ") || "nobody was seen talking"}`}
        >
          <defs>
            <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
              <path d="M0,0 L8,4 L0,8 z" class="tip" />
            </marker>
          </defs>
          {drawn.lines.map(({ edge, path, x, y }) => (
            <g class={edge.bad ? "edge bad" : "edge"}>
              <title>{`${edge.source} → ${edge.target}: ${[...edge.kinds].map(([kind, number]) => `${number} × ${kind}`).join(", ")}`}</title>
              <path d={path} marker-end="url(#tip)" stroke-dasharray={edge.tried ? "5 4" : undefined} />
              <text x={x} y={y}>{label(edge)}</text>
            </g>
          ))}
          {drawn.boxes.map(({ place, x, y }) => (
            <g class={`host ${place.faults.length || place.broken ? "faulted" : ""}`} transform={`translate(${x - BOX.width / 2},${y - BOX.height / 2})`}>
              <rect width={BOX.width} height={BOX.height} rx="8" />
              <text x={BOX.width / 2} y="19" class="name">{place.name}</text>
              <text x={BOX.width / 2} y="33">{place.address}</text>
              <text x={BOX.width / 2} y="46" class="role">{remark(place)}</text>
            </g>
          ))}
        </svg>
      </div>
      {talk.broken.length > 0 && !BAD.has(test.outcome) && (
        <ul class="broken" aria-label="What got no good answer">
          {talk.broken.slice(0, MOST_BROKEN).map((row) => (
            <li><span class="time">{since(test, row.at)} s</span> {row.target && `${row.source} → ${row.source === row.target ? "itself" : row.target}: `}{row.text} <b>{row.answer}</b></li>
          ))}
          {talk.broken.length > MOST_BROKEN && <li>and {talk.broken.length - MOST_BROKEN} more below</li>}
        </ul>
      )}
    </section>
  );
}

function remark(place: Place): string {
  if (place.faults.length) return `⚡ ${place.faults.join(", ")}`;
  return place.broken ? `✕ ${place.broken} to itself` : place.role;
}

function label(edge: Edge): string {
  if (edge.tried) return edge.bad ? "broke" : "tried";
  if (edge.bad === edge.count) return `${edge.bad} failed`;
  const kinds = [...edge.kinds.keys()];
  return `${edge.count}${kinds.length === 1 ? ` ${kinds[0]}` : ""}${edge.bad ? `, ${edge.bad} failed` : ""}`;
}

function draw(talk: Talk, down: boolean): Drawn {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: down ? "TB" : "LR", nodesep: 36, ranksep: down ? 46 : 96, edgesep: 22, marginx: 8, marginy: 14 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const place of talk.places) graph.setNode(place.name, { ...BOX });
  // All edges lead from users to servers here, whoever asks whom, so that hosts stand in this order.
  const order = new Map(talk.places.map((place, index) => [place.name, index]));
  const backward = (edge: Edge): boolean => (order.get(edge.source) ?? 0) > (order.get(edge.target) ?? 0);
  const ends = (edge: Edge): [string, string, string] =>
    backward(edge) ? [edge.target, edge.source, "back"] : [edge.source, edge.target, "talk"];
  for (const edge of talk.edges) {
    const [from, to, name] = ends(edge);
    graph.setEdge(from, to, { width: label(edge).length * 6, height: 14, labelpos: "c" }, name);
  }
  // Hosts that were silent keep their place between users and servers.
  const busy = new Set(talk.edges.flatMap((edge) => [edge.source, edge.target]));
  for (const place of talk.places) {
    if (busy.has(place.name)) continue;
    const before = talk.places.filter((one) => rank(one.role) < rank(place.role)).at(-1);
    if (before) graph.setEdge(before.name, place.name, { width: 0, height: 0, weight: 0 }, "place");
  }
  layout(graph);
  const size = graph.graph() as { width?: number; height?: number };
  return {
    width: Math.max(size.width ?? 0, BOX.width + 16),
    height: Math.max(size.height ?? 0, BOX.height + 16),
    boxes: talk.places.map((place) => {
      const node = graph.node(place.name) as { x: number; y: number };
      return { place, x: node.x, y: node.y };
    }),
    lines: talk.edges.map((edge) => {
      const laid = graph.edge(...ends(edge)) as { points: { x: number; y: number }[]; x: number; y: number };
      const points = backward(edge) ? laid.points.toReversed() : laid.points;
      return { edge, path: points.map(({ x, y }, n) => `${n ? "L" : "M"}${x},${y}`).join(" "), x: laid.x, y: laid.y };
    }),
  };
}
