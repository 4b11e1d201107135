// A list of any length: only what is seen is in the page (TanStack Virtual).

import {
  elementScroll, observeElementOffset, observeElementRect, Virtualizer,
} from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

import { usePrinting } from "./hooks.ts";

const MOST_PRINTED = 400;

interface Props<T> {
  items: T[];
  label: string;
  /** Pixels of a row, before it was measured. */
  height: number;
  draw: (item: T, index: number) => ComponentChildren;
  head?: ComponentChildren;
}

export function LongList<T>({ items, label, height, draw, head }: Props<T>) {
  const printing = usePrinting();
  const scroller = useRef<HTMLDivElement>(null);
  const [, again] = useReducer((n: number) => n + 1, 0);
  const options = {
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 8,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => again(0),
  };
  const [rows] = useState(() => new Virtualizer<HTMLDivElement, HTMLElement>(options));
  rows.setOptions(options);
  useLayoutEffect(() => rows._didMount(), []);
  useLayoutEffect(() => rows._willUpdate());
  useLayoutEffect(() => rows.measure(), [items]);
  const shown = printing
    ? items.slice(0, MOST_PRINTED).map((_, index) => ({ index, start: 0 }))
    : rows.getVirtualItems();
  return (
    <div class="long" ref={scroller} tabIndex={0} role="region" aria-label={label}>
      {head}
      <div class="rows" role="list" style={printing ? {} : { height: `${rows.getTotalSize()}px` }}>
        {shown.map((row) => {
          const item = items[row.index];
          return item === undefined ? null : (
            <div
              key={row.index}
              ref={(element) => { if (element) rows.measureElement(element); }}
              data-index={row.index}
              role="listitem"
              aria-setsize={items.length}
              aria-posinset={row.index + 1}
              style={printing ? {} : { position: "absolute", transform: `translateY(${row.start}px)` }}
            >
              {draw(item, row.index)}
            </div>
          );
        })}
      </div>
      {printing && items.length > MOST_PRINTED && <p>and {items.length - MOST_PRINTED} more</p>}
    </div>
  );
}
