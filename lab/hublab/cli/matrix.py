"""`hublab matrix`: tries every combination of settings, and shows what is seen."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import click
from rich.text import Text

from hublab.cases.matrix import override, parse_axis
from hublab.cases.options import LabOptions
from hublab.cli.common import err, out, steps, table
from hublab.cli.json_output import emit, json_option
from hublab.errors import UsageError
from hublab.matrix.file import example, read_file
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import PROBES, check_probe
from hublab.matrix.request_lines import FORM, parse_request
from hublab.matrix.results import Results, Row
from hublab.matrix.run import MatrixRun, check_axes
from hublab.paths import ROOT
from hublab.settings.values import Settings

KEPT = ROOT / "evidence" / "matrix"
FORMS = ("table", "csv", "md")
PROBE_LINES = "\n".join(f"  {name:10}  {probe.help}" for name, probe in PROBES.items())


@click.command(
    epilog="\b\nProbes:\n" + PROBE_LINES,
)
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--init", is_flag=True, help="Write a commented FILE to begin with, and end.")
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
@click.option("--csv", "form", flag_value="csv", help="Print comma-separated values.")
@click.option("--md", "form", flag_value="md", help="Print a Markdown table.")
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
    form: str | None,
    cold: bool,
    name: str | None,
    as_json: bool,
) -> None:
    """Try every combination of settings, and show what is seen.

    A matrix expects nothing: a value with which the hub does not start is a result like any other.
    Each case enters the lab as if it were new. Axes are given in FILE (TOML) or by --axis. Their
    names and values are checked before a lab comes up. Ctrl-C keeps what was seen, and --resume
    goes on.

    \b
    Examples:
      hublab matrix --axis hub.JupyterHub.hub_connect_ip=hub,127.0.0.1
      hublab matrix --axis 'server.ServerApp.allow_origin=["","*"]' --probe origin --md
      hublab matrix --axis hub.JupyterHub.base_url=/,/jh/ --request '/hub/api/ --origin http://a.b'
      hublab matrix --init origins.toml; hublab matrix origins.toml
    """
    if init:
        write_example(file)
        return
    plan = plan_of(file, axes, pinned, probes, requests, topology)
    results = Results(plan, KEPT / f"{plan.digest}.json")
    if resume:
        results.load()
    progress = steps()
    if len(results.rows) < len(plan.cases):
        check_axes(plan, progress)
        try:
            MatrixRun(results, LabOptions(name=name, cold=cold), progress).run()
        finally:
            if results.rows:
                show(results, form, as_json)
    else:
        show(results, form, as_json)


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
    keys = [axis.key for axis in parsed]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise UsageError(f"two axes for {key}", where="--axis", hint="one with all values")
    for name in probes:
        check_probe(name, "--probe")
    plan = replace(
        given,
        axes=override(given.axes, *parsed),
        pinned=given.pinned.merged(Settings.parse(pinned, where="--set")),
        probes=probes or given.probes,
        requests=(*given.requests, *(parse_request(text, where="--request") for text in requests)),
        topology=tuple(topology.split("+")) if topology else given.topology,
    )
    if not plan.axes:
        raise UsageError(
            "a matrix needs an axis", where="--axis", hint="--axis SETTING=a,b, or a FILE"
        )
    return plan


def show(results: Results, form: str | None, as_json: bool) -> None:
    """Print what was seen, in the form that was asked for."""
    rows = results.in_order()
    if as_json:
        emit(results.as_json())
    elif form == "csv":
        click.echo(as_csv(results, rows), nl=False)
    elif form == "md":
        click.echo(as_markdown(results, rows))
    else:
        show_table(results, rows)


def short_names(results: Results) -> list[str]:
    """The axes by the last part of their names, or in full where two would be alike."""
    keys = [axis.key for axis in results.plan.axes]
    last = [key.rpartition(".")[2] for key in keys]
    return [
        full if last.count(short) > 1 else short for full, short in zip(keys, last, strict=True)
    ]


def show_table(results: Results, rows: list[Row]) -> None:
    """The table, then the reason of each failure."""
    columns = results.plan.columns
    shown = table(None, *short_names(results), *(name.upper() for name in columns))
    first = rows[0]
    for row in rows:
        cells = []
        for name in columns:
            cell = row.cells[name]
            differs = cell.short != first.cells[name].short
            style = "red" if not cell.ok else "yellow" if differs else ""
            cells.append(Text(shortened(cell.short), style=f"bold {style}" if differs else style))
        shown.add_row(*(Text(value or "''") for value in row.values.values()), *cells)
    out.print(shown)
    for (name, detail), where in reasons(columns, rows).items():
        cases = ", ".join(where) if len(where) < len(rows) else "every case"
        out.print(f"\n{name}, in {cases}:\n    {indented(detail)}", markup=False)


def reasons(columns: tuple[str, ...], rows: list[Row]) -> dict[tuple[str, str], list[str]]:
    """Why something did not work: question and reason, each once, with its cases."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name in columns:
            cell = row.cells[name]
            if not cell.ok and cell.detail:
                found.setdefault((name, cell.detail), []).append(row.id)
    return found


def shortened(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def as_csv(results: Results, rows: list[Row]) -> str:
    """One line a case: the axes' full names, the answers, and a column of details for each."""
    columns = results.plan.columns
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    keys = [axis.key for axis in results.plan.axes]
    writer.writerow([*keys, *columns, *(f"{name} (detail)" for name in columns)])
    for row in rows:
        cells = [row.cells[name] for name in columns]
        values = [row.values[key] for key in keys]
        writer.writerow([*values, *(c.short for c in cells), *(c.detail for c in cells)])
    return written.getvalue()


def as_markdown(results: Results, rows: list[Row]) -> str:
    """A table for an issue or a page; what did not work is bold."""
    columns = results.plan.columns

    def line(cells: list[str]) -> str:
        return (
            "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
        )

    head = [*(f"`{axis.key}`" for axis in results.plan.axes), *columns]
    lines = [line(head), line(["---"] * len(head))]
    for row in rows:
        cells = [row.cells[name] for name in columns]
        answers = [cell.short if cell.ok else f"**{cell.short}**" for cell in cells]
        lines.append(line([*(f"`{value}`" for value in row.values.values()), *answers]))
    return "\n".join(lines)
