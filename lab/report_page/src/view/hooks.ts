import { useEffect, useReducer, useState } from "preact/hooks";

import type { Journal } from "../data/journal.ts";

/** Draw again whenever the journal has grown. */
export function useGrowing(journal: Journal): number {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => journal.subscribe(() => draw(0)), [journal]);
  return journal.version;
}

/** The part of the address behind `#`, which says what is shown. */
export function usePlace(): string {
  const [place, setPlace] = useState(location.hash);
  useEffect(() => {
    const moved = (): void => {
      setPlace(location.hash);
      scrollTo(0, 0);
      // As after the load of a page, what is read next is its heading.
      requestAnimationFrame(() => document.querySelector("h1")?.focus({ preventScroll: true }));
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

/** Whether the page is being printed, when lists show more than what fits a window. */
export function usePrinting(): boolean {
  const [printing, setPrinting] = useState(false);
  useEffect(() => {
    const begin = (): void => setPrinting(true);
    const end = (): void => setPrinting(false);
    addEventListener("beforeprint", begin);
    addEventListener("afterprint", end);
    return () => {
      removeEventListener("beforeprint", begin);
      removeEventListener("afterprint", end);
    };
  }, []);
  return printing;
}

/** Whether colours are for a dark room. */
export function useDark(): boolean {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const turned = (): void => setDark(query.matches);
    query.addEventListener("change", turned);
    return () => query.removeEventListener("change", turned);
  }, []);
  return dark;
}

/** The width of an element, for drawings that are made to measure. */
export function useWidth(): [number, (element: HTMLElement | null) => void] {
  const [width, setWidth] = useState(0);
  const [element, setElement] = useState<HTMLElement | null>(null);
  useEffect(() => {
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, [element]);
  return [width, setElement];
}
