"""`hublab runs`: the runs whose evidence is kept, and an end to old ones."""

from __future__ import annotations

import click

from hublab.cli.common import err, out, table
from hublab.cli.json_output import emit, json_option
from hublab.report.kept_runs import MOST_RUNS, KeptRun, evidence_here, kept_runs, prune_runs


@click.command()
@click.option("--prune", is_flag=True, help="Remove the oldest runs beyond --keep.")
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="NUMBER",
    help="How many of the newest runs --prune leaves.",
)
@json_option
def runs(prune: bool, keep: int, as_json: bool) -> None:
    """List the runs that are kept, or remove old ones.

    The newest comes first. OUTCOME is failed, undecided, held, answered for a matrix, or cut for a
    run that was killed before anything failed. Runs are in evidence/ of the folder in which one
    stands, else of hublab's clone. pytest keeps those in which something failed (--lab-evidence),
    and removes the oldest when there are more than 100.

    \b
    Examples:
      hublab runs
      hublab runs --prune --keep 3
      hublab runs --json | jq -r '.runs[] | select(.outcome == "failed") | .name'
    """
    evidence = evidence_here()
    removed = prune_runs(evidence, keep) if prune else []
    found = kept_runs(evidence)
    if as_json:
        shown = [as_object(one) for one in found]
        emit({"evidence": str(evidence), "most": MOST_RUNS, "removed": removed, "runs": shown})
        return
    if prune:
        out.print(f"removed runs: {', '.join(removed) or 'none'}", markup=False)
    rows = table(None, "RUN", "BEGAN (UTC)", "OUTCOME", "TESTS", "SIZE")
    for one in found:
        tests = ", ".join(f"{number} {outcome}" for outcome, number in sorted(one.outcomes.items()))
        rows.add_row(one.name, one.wall[:16].replace("T", " "), one.outcome, tests, size(one.size))
    out.print(rows)
    err.print(f"in {evidence}", markup=False)


def as_object(run: KeptRun) -> dict[str, object]:
    """A run as `--json` shows it; the size is in bytes."""
    return {
        "name": run.name,
        "folder": str(run.folder),
        "began": run.wall,
        "outcome": run.outcome,
        "tests": run.outcomes,
        "ended": run.ended,
        "size": run.size,
    }


def size(number: int) -> str:
    """A number of bytes in three digits."""
    return f"{number / 1000:.0f} kB" if number < 1_000_000 else f"{number / 1e6:.1f} MB"
