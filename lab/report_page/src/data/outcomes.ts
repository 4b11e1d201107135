// How tests end, and which of these ends are none that one wants.

export const OUTCOMES = ["failed", "error", "undecided", "running", "skipped", "held", "answered"];
export const BAD = new Set(["failed", "error", "undecided", "running"]);
export const MARKS: Record<string, string> = {
  failed: "✕", error: "!", undecided: "?", running: "…", skipped: "–", held: "✓", answered: "•",
};
