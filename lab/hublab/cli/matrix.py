"""`hublab matrix`: tries every combination of settings, and shows what is seen."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from hublab.cases.case_table import as_csv, as_markdown
from hublab.cases.matrix import cases, override, parse_axis
from hublab.cases.options import LabOptions
from hublab.cases.surroundings import topology as topology_named
from hublab.checkouts import Checkout
from hublab.cli.common import err, steps
from hublab.cli.json_output import emit, json_option
from hublab.cli.matrix_table import show_table
from hublab.cli.places import Place
from hublab.cli.sources import source_options
from hublab.errors import MachineError, UsageError
from hublab.journal.events import RunEnded
from hublab.journal.file import Journal
from hublab.matrix.file import example, read_file
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import PROBES, check_probe
from hublab.matrix.request_lines import FORM, parse_request
from hublab.matrix.results import Results
from hublab.matrix.run import MatrixRun, answered, check_plan
from hublab.paths import ensure_dir
from hublab.progress import Progress
from hublab.report.kept_runs import JOURNAL, evidence_here, prune_runs
from hublab.report.write import write_report
from hublab.settings.values import Settings

PROBE_LINES = "\n".join(f"  {name:13}  {probe.help}" for name, probe in PROBES.items())


@click.command(
    epilog="\b\nProbes:\n" + PROBE_LINES,
)
@click.argument("file", required=False, type=Place(dir_okay=False))
@click.option("--init", is_flag=True, help="Write a commented FILE to begin with, and do no more.")
@click.option(
    "--axis",
    "axes",
    multiple=True,
    metavar="SETTING=VALUES",
    help="Values to try, a JSON list or a,b; repeatable. Replaces that axis of FILE, or adds one.",
)
@click.option("--set", "pinned", multiple=True, metavar="SETTING=VALUE", help="In every case.")
@click.option("--probe", "probes", multiple=True, metavar="NAME", help="Ask this; repeatable.")
@click.option(
    "--request", "requests", multiple=True, metavar=f"'{FORM}'", help="Send this; repeatable."
)
@click.option(
    "--topology", metavar="LAB+OVERLAY", help="Files of compose/. Default: FILE's, or lab."
)
@click.option("--resume", is_flag=True, help="Go on with an earlier run of the same matrix.")
@click.option("--csv", "csv", is_flag=True, help="Print comma-separated values.")
@click.option("--md", "markdown", is_flag=True, help="Print a Markdown table.")
@click.option(
    "--report",
    type=Place(dir_okay=False),
    metavar="FILE",
    help="Also write FILE, the run's report as HTML; see `hublab report`.",
)
@source_options
@click.option("--cold", is_flag=True, help="Each hub does its own imports, instead of a fork.")
@click.option("--name", "-n", default=None, help="Use the lab of this name. Default: a new one.")
@json_option
def matrix(
    file: Path | None,
    init: bool,
    axes: tuple[str, ...],
    pinned: tuple[str, ...],
    probes: tuple[str, ...],
    requests: tuple[str, ...],
    topology: str | None,
    resume: bool,
    csv: bool,
    markdown: bool,
    report: Path | None,
    checkouts: tuple[Checkout, ...],
    cold: bool,
    name: str | None,
    as_json: bool,
) -> None:
    """Try every combination of settings, and show what is seen.

    A matrix expects nothing: a value with which the hub does not start is a result like any other.
    Each case enters the lab as if it were new. Axes are given in FILE (TOML) or by --axis. Their
    names and values are checked before a lab comes up. Cases run in the order that changes least,
    and are shown in yours. A lab that a case has wedged is replaced. Ctrl-C keeps what was seen,
    and --resume goes on. To look at a case by hand, bring a lab up in it: `hublab up --set`.

    An axis is a setting, or topology (overlays), version.hub, version.server, or fault: none,
    'freeze HOST', 'partition ONE OTHER', 'clock HOST SECONDS', which is in effect while the case is
    asked, or shorter with '--for TIME', and is healed after it.

    \b
    Examples:
      hublab matrix --axis hub.JupyterHub.hub_connect_ip=hub,127.0.0.1
      hublab matrix --axis 'server.ServerApp.allow_origin=["","*"]' --probe origin --md
      hublab matrix --axis hub.JupyterHub.base_url=/,/jh/ --request '/hub/api/ --origin http://a.b'
      hublab matrix --axis 'fault=none,partition hub node1' --axis topology=lab,lab+postgres
      hublab matrix --axis version.hub=6.1.1,5.4.6 --axis version.server=6.1.1,5.4.6 --probe cell
      hublab matrix --hub-source ~/src/jupyterhub --axis hub.JupyterHub.base_url=/,/jh/
      hublab matrix --init origins.toml; hublab matrix origins.toml --report origins.html
    """
    if init:
        write_example(file)
        return
    if csv + markdown + as_json > 1:
        raise UsageError("a table has one form", where="--csv, --md, --json", hint="one of them")
    form = "csv" if csv else "md" if markdown else None
    plan = replace(plan_of(file, axes, pinned, probes, requests, topology), checkouts=checkouts)
    results = Results(plan, evidence_here() / "matrix" / f"{plan.digest}.json")
    if resume:
        results.load()
    progress = steps()
    if len(results.rows) < len(plan.cases):
        check_plan(plan, progress)
        # Ended like by Ctrl-C, so that what was seen is shown and the lab removed at once.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with matrix_journal(results) as journal:
            options = LabOptions(name=name, cold=cold, checkouts=checkouts)
            try:
                MatrixRun(results, options, progress, journal).run()
                journal.write(RunEnded(journal.path.parent.name))
            finally:
                if results.rows:
                    show(results, form, as_json)
                    write_report_of(journal.path, report, progress)
    else:
        show(results, form, as_json)
        if report is not None:
            with matrix_journal(results) as journal:
                journal.write(RunEnded(journal.path.parent.name))
            write_report_of(journal.path, report, progress)


def matrix_journal(results: Results) -> Journal:
    """A journal for this run, which begins with what an earlier one was answered."""
    evidence = evidence_here()
    try:
        gone = prune_runs(evidence)
    except MachineError as error:  # somebody else's run is no reason not to begin one
        err.print(f"{error}", markup=False)
    else:
        if gone:
            err.print(f"removed old runs: {', '.join(gone)}", markup=False)
    run = f"{datetime.now():%Y%m%dT%H%M%S}-matrix-{results.plan.digest}"
    journal = Journal.open(ensure_dir(evidence / run) / JOURNAL, run=run)
    for row in results.in_order():
        journal.write(answered(row))
    return journal


def write_report_of(journal: Path, target: Path | None, progress: Progress) -> None:
    """Write the report where one is asked for."""
    if target is not None:
        write_report(journal.parent, target, progress)
        err.print(f"the report is {target}", markup=False)


def write_example(file: Path | None) -> None:
    """Write the commented file. Raises UsageError for one that exists."""
    if file is None:
        raise UsageError("--init writes a file", hint="hublab matrix --init matrix.toml")
    try:
        with file.open("x", encoding="utf-8") as target:
            target.write(example())
    except FileExistsError:
        raise UsageError("it exists already", where=str(file)) from None
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}", where=str(file)) from error
    err.print(f"wrote {file}; `hublab matrix {file}` runs it", markup=False)


def plan_of(
    file: Path | None,
    axes: tuple[str, ...],
    pinned: tuple[str, ...],
    probes: tuple[str, ...],
    requests: tuple[str, ...],
    topology: str | None,
) -> MatrixPlan:
    """The matrix of the file, with what the options change. Raises UsageError, SettingError."""
    given = read_file(file) if file else MatrixPlan(())
    parsed = [parse_axis(text, where="--axis") for text in axes]
    cases(parsed)  # two axes for one setting, or too many cases, are an error
    for name in probes:
        check_probe(name, "--probe")
    plan = replace(
        given,
        axes=override(given.axes, *parsed),
        pinned=given.pinned.merged(Settings.parse(pinned, where="--set")),
        probes=probes or given.probes,
        requests=(*given.requests, *(parse_request(text, where="--request") for text in requests)),
        topology=topology_named(topology, where="--topology") if topology else given.topology,
    )
    if not plan.axes:
        where = f"{file}: axes" if file else "--axis"
        raise UsageError(
            "a matrix needs an axis", where=where, hint="--axis SETTING=a,b, or a FILE"
        )
    return plan


def show(results: Results, form: str | None, as_json: bool) -> None:
    """Print what was seen, in the form that was asked for."""
    columns, rows = results.plan.columns, results.in_order()
    if as_json:
        emit(results.as_json())
    elif form == "csv":
        click.echo(as_csv(columns, rows), nl=False)
    elif form == "md":
        click.echo(as_markdown(columns, rows))
    else:
        show_table(results, rows)
