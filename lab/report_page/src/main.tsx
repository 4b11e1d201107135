import { render } from "preact";

import { readEmbedded } from "./data/embedded.ts";
import { Journal } from "./data/journal.ts";
import { counts, duration, MARKS } from "./data/words.ts";
import { CaseView } from "./view/case.tsx";
import { CompareView } from "./view/compare.tsx";
import { useGrowing, usePlace } from "./view/hooks.ts";
import { Overview } from "./view/overview.tsx";
import "./style.css";

function Page({ journal, ready }: { journal: Journal; ready: boolean }) {
  useGrowing(journal);
  const place = usePlace();
  if (!ready && journal.count === 0) return <main><p role="status">Reading the journal…</p></main>;
  return (
    <>
      <Head journal={journal} />
      <View journal={journal} place={place} />
      <footer class="small">Made by hublab from the journal of this run and the logs beside it: {journal.count} lines.</footer>
    </>
  );
}

function View({ journal, place }: { journal: Journal; place: string }) {
  const [what, ...numbers] = place.replace(/^#\/?/, "").split("/");
  const [one, other] = numbers.map((number) => journal.tests[Number(number)]);
  if (what === "case" && one) return <CaseView key={one.index} journal={journal} test={one} />;
  if (what === "compare" && one && other) return <CompareView key={place} journal={journal} one={one} other={other} />;
  return <Overview journal={journal} />;
}

function Head({ journal }: { journal: Journal }) {
  const begun = Number.isFinite(journal.begin) ? new Date(journal.begin * 1000) : null;
  return (
    <header class="page">
      <p class="brand"><a href="#/">hublab report</a></p>
      <p class="run">
        {journal.run && <>run <b>{journal.run}</b></>}
        {begun && <> · <time dateTime={begun.toISOString()}>{begun.toISOString().slice(0, 16).replace("T", " ")} UTC</time> · {duration(journal.end - journal.begin)}</>}
      </p>
      <p class="totals">
        {counts(journal).map(([outcome, number]) => (
          <span class={`chip ${outcome}`}><span aria-hidden="true">{MARKS[outcome]}</span> {number} {outcome}</span>
        ))}
      </p>
      {journal.unended > 0 && (
        <p class="half" role="alert"><b>Half a run.</b> {journal.unended === 1 ? "The run" : `${journal.unended} processes of the run`} did not come to its end: what follows is what was written until then.</p>
      )}
      {journal.unread > 0 && <p class="half">{journal.unread} {journal.unread === 1 ? "line" : "lines"} could not be read.</p>}
    </header>
  );
}

const journal = new Journal();
const root = document.getElementById("report") as HTMLElement;
render(<Page journal={journal} ready={false} />, root);
readEmbedded(journal, document).then(
  () => {
    document.title = journal.run ? `${journal.run} – hublab report` : "hublab report";
    render(<Page journal={journal} ready={true} />, root);
    document.documentElement.dataset.ready = "true";
  },
  (problem: unknown) => {
    root.textContent = `This report's journal cannot be read: ${String(problem)}`;
  },
);
