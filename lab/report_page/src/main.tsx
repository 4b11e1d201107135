import { render } from "preact";

import { readEmbedded } from "./data/embedded.ts";
import { Journal } from "./data/journal.ts";
import { MARKS } from "./data/outcomes.ts";
import { counts, duration } from "./data/words.ts";
import { CaseView } from "./view/case.tsx";
import { CompareView } from "./view/compare.tsx";
import { Guarded } from "./view/guarded.tsx";
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
      <Guarded key={place} what="This view"><View journal={journal} place={place} /></Guarded>
      <footer class="small">Made by hublab from the journal of this run: {journal.count} lines.</footer>
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
      {notesOf(journal).map((note) => <p class="half" key={note}>{note}</p>)}
    </header>
  );
}

/** What is odd about the journal itself: its reader should know what the page could not take as it is. */
function notesOf(journal: Journal): string[] {
  const lines = (number: number): string => `${number} ${number === 1 ? "line" : "lines"}`;
  const sum = (counted: Map<string, number>): number => [...counted.values()].reduce((all, one) => all + one, 0);
  const kinds = (counted: Map<string, number>): string => [...counted.keys()].slice(0, MOST_KINDS).map((kind) => kind.slice(0, LONGEST_KIND)).join(", ") + (counted.size > MOST_KINDS ? ", …" : "");
  return [
    journal.unread ? `${lines(journal.unread)} could not be read.` : "",
    journal.odd.size ? `${lines(sum(journal.odd))} ${sum(journal.odd) === 1 ? "lacks" : "lack"} a field, or ${sum(journal.odd) === 1 ? "has" : "have"} something else in it (${kinds(journal.odd)}): shown with what they have.` : "",
    journal.unknown.size ? `${lines(sum(journal.unknown))} of kinds that this page does not know (${kinds(journal.unknown)}): shown among the log lines as they are. Another version of hublab may have written them.` : "",
    journal.count > 0 && journal.undated ? "The journal does not say when its run began: times of day are not known." : "",
  ].filter(Boolean);
}

const MOST_KINDS = 8;
const LONGEST_KIND = 40;

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
