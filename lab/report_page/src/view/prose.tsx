// A docstring's text: what stands between backticks is code.

export function Prose({ children }: { children: string }) {
  return <>{children.split("`").map((part, n) => (n % 2 ? <code key={n}>{part}</code> : part))}</>;
}
