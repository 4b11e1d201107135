"""`hublab report`: a run as one HTML file that opens offline."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from hublab.cli.common import err, steps
from hublab.cli.complete import kept_runs_of
from hublab.cli.json_output import emit, json_option
from hublab.cli.places import Place
from hublab.errors import UsageError
from hublab.report.bundle import write_bundle
from hublab.report.kept_runs import evidence_here, find_run
from hublab.report.markdown import markdown_of
from hublab.report.write import write_report

FILE = Place(dir_okay=False)


@click.command()
@click.argument("run", required=False, shell_complete=kept_runs_of)
@click.option(
    "--output", "-o", type=FILE, metavar="FILE", help="Where to write. Default: RUN's report.html."
)
@click.option("--open", "opened", is_flag=True, help="Open it in this machine's browser.")
@click.option(
    "--bundle",
    type=FILE,
    metavar="FILE.zip",
    help="Also write one archive: report, journals, kept logs and versions.",
)
@click.option(
    "--markdown", is_flag=True, help="Print a summary as Markdown instead of writing a file."
)
@json_option
def report(
    run: str | None,
    output: Path | None,
    opened: bool,
    bundle: Path | None,
    markdown: bool,
    as_json: bool,
) -> None:
    """Make one HTML file of a run, which opens offline.

    RUN is a run that `hublab runs` lists, the beginning of its name, its folder, or the file of a
    journal; without it the newest run. The report is made from the run's journal and the logs that
    are kept beside it, and from nothing else. Of a run that was killed it shows what was written
    until then, and says so.

    The first report in a clone builds the page, in the Docker engine. That takes a minute.

    \b
    Examples:
      hublab report
      hublab report 20261129T15 --output report.html
      hublab report evidence/20261129T154442-4a79 --open
      hublab report --bundle for-the-issue.zip
      hublab report --markdown >> "$GITHUB_STEP_SUMMARY"
    """
    found = find_run(evidence_here(), run)
    if markdown:
        text = markdown_of(found)
        emit({"run": str(found), "markdown": text}) if as_json else click.echo(text, nl=False)
        return
    target = output or (found if found.is_dir() else Path.cwd()) / "report.html"
    if bundle is not None and bundle.suffix != ".zip":
        raise UsageError("a bundle is a .zip", where="--bundle", hint=f"{bundle.name}.zip")
    progress = steps()
    write_report(found, target, progress)
    if bundle is not None:
        write_bundle(found, target, bundle)
    if as_json:
        emit(
            {
                "run": str(found),
                "report": str(target),
                "bytes": target.stat().st_size,
                "bundle": str(bundle) if bundle else None,
            }
        )
    else:
        click.echo(str(target))
        if bundle is not None:
            err.print(f"the bundle is {bundle}", markup=False)
    if opened:
        webbrowser.open(target.resolve().as_uri())
