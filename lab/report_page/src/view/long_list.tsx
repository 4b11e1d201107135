// A list of any length: only what is seen is in the page (TanStack Virtual). It opens at a row of note,
// and keys lead from there to others.

import {
  elementScroll, observeElementOffset, observeElementRect, Virtualizer,
} from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";

import { usePrinting } from "./hooks.ts";

const MOST_PRINTED = 400;
/** Of those printed, how many may come behind the row at which the list opens. */
const PRINTED_BEHIND = 50;

interface Props<T> {
  items: T[];
  label: string;
  /** Pixels of a row, before it was measured. */
  height: number;
  draw: (item: T, index: number) => ComponentChildren;
  head?: ComponentChildren;
  /** Whether this is the row at which the list opens; there is one at most. */
  isHere?: (item: T) => boolean;
  /** Whether a row tells of trouble, to which keys lead. */
  isBad?: (item: T) => boolean;
}

export function LongList<T>({ items, label, height, draw, head, isHere, isBad }: Props<T>) {
  const printing = usePrinting();
  const scroller = useRef<HTMLDivElement>(null);
  const [, again] = useReducer((n: number) => n + 1, 0);
  const at = useRef(-1);
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
  const { here, leads } = useMemo(() => {
    const found = isHere ? items.findIndex(isHere) : -1;
    return { here: found, leads: found >= 0 || (isBad !== undefined && items.some(isBad)) };
  }, [items]);
  const go = (index: number): void => {
    if (index < 0) return;
    at.current = index;
    rows.scrollToIndex(index, { align: "center" });
  };
  const step = (by: 1 | -1): void => {
    if (!isBad) return;
    const from = at.current >= 0 ? at.current : by > 0 ? -1 : items.length;
    for (let n = from + by; n >= 0 && n < items.length; n += by) {
      const item = items[n];
      if (item !== undefined && isBad(item)) return go(n);
    }
  };
  const keys: Record<string, () => void> = { f: () => go(here), n: () => step(1), p: () => step(-1) };
  useLayoutEffect(() => rows._didMount(), []);
  useLayoutEffect(() => rows._willUpdate());
  useLayoutEffect(() => {
    rows.measure();
    at.current = -1;
    go(here);
  }, [items, height]);
  const printed = here < 0 ? 0 : Math.max(0, Math.min(here + PRINTED_BEHIND, items.length) - MOST_PRINTED);
  const shown = printing
    ? items.slice(printed, printed + MOST_PRINTED).map((_, index) => ({ index: printed + index, start: 0 }))
    : rows.getVirtualItems();
  return (
    <>
      {leads && (
        <div class="tools leads">
          {here >= 0 && <button type="button" onClick={() => go(here)}>To the failure <kbd>f</kbd></button>}
          <button type="button" onClick={() => step(-1)}>Problem before <kbd>p</kbd></button>
          <button type="button" onClick={() => step(1)}>Next problem <kbd>n</kbd></button>
        </div>
      )}
      <div
        class="long" ref={scroller} tabIndex={0} role="region" aria-label={label} aria-keyshortcuts={leads ? "f n p" : undefined}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || event.altKey || !leads) return;
          keys[event.key]?.();
        }}
      >
        {head}
        {printing && printed > 0 && <p>{printed} earlier ones are left out</p>}
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
        {printing && items.length > printed + MOST_PRINTED && <p>and {items.length - printed - MOST_PRINTED} more</p>}
      </div>
    </>
  );
}
