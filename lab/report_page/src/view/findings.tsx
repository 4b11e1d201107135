import type { Journal } from "../data/journal.ts";
import { Prose } from "./prose.tsx";

/** What contradicts the documentation and was seen in this run, with the sources of its scenario. */
export function Findings({ journal }: { journal: Journal }) {
  const titles = new Map(journal.findings.map((one) => [`${one.project} ${one.title}`, one]));
  if (!titles.size) return null;
  return (
    <section aria-labelledby="findings">
      <h2 id="findings">Findings that this run confirmed</h2>
      <ul class="findings">
        {[...titles.values()].map((one) => {
          const test = journal.tests.find((other) => other.id === one.test || one.test.startsWith(`${other.id}@`));
          const sources = journal.scenarios.get(one.test.split("::")[0] ?? "")?.sources ?? [];
          return (
            <li key={one.title}>
              <h3><Prose>{one.title || "A finding without a title"}</Prose></h3>
              <p class="small">{one.project} · {test && one.test ? <a href={`#/case/${test.index}`}>{one.test}</a> : one.test}</p>
              {one.expected && (
                <dl class="why">
                  <dt>steps</dt><dd><Prose>{one.steps}</Prose></dd>
                  <dt>expected</dt><dd><Prose>{one.expected}</Prose></dd>
                  <dt>seen</dt><dd><Prose>{one.seen}</Prose></dd>
                </dl>
              )}
              <Sources sources={sources} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function Sources({ sources }: { sources: string[] }) {
  if (!sources.length) return null;
  return (
    <details>
      <summary>{sources.length === 1 ? "Source" : `${sources.length} sources`}</summary>
      <ul>{sources.map((one) => <li><Prose>{one}</Prose></li>)}</ul>
    </details>
  );
}
