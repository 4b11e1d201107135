"""`hublab validate`: lists the problems of Compose files, with file and line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from hublab.cli.json_output import emit, json_option
from hublab.cli.places import Place
from hublab.deployment.plan import chosen_files
from hublab.deployment.validation import check_topology
from hublab.errors import TopologyError
from hublab.topology.problems import Problem


@click.command()
@click.argument("files", nargs=-1, type=Place(), metavar="[FILE]...")
@json_option
def validate(files: tuple[Path, ...], as_json: bool) -> None:
    """Check that Compose files, merged as by `up -f`, form a lab.

    Without FILE it checks the project's own compose/lab.yaml. Each problem is a line on stdout,
    `file:line: path: reason`, and the exit code is 64 then. It reports all problems at once, but
    those that Compose finds one at a time. It needs Docker Compose, but no engine and no image.

    \b
    Examples:
      hublab validate my.yaml
      hublab validate compose/lab.yaml my-overlay.yaml --json
    """
    topology, problems = check_topology(files)
    if as_json:
        hosts = [] if topology is None else [(h.name, h.role, h.address) for h in topology.hosts]
        emit(
            {
                "files": [str(file) for file in chosen_files(files)],
                "problems": [as_data(problem) for problem in problems],
                "hosts": [{"name": n, "role": r, "address": a} for n, r, a in hosts],
            }
        )
    for problem in problems if not as_json else []:
        click.echo(str(problem))
    if problems:
        sys.exit(TopologyError.exit_code)
    if topology and not as_json:
        click.echo(f"a lab of {len(topology.hosts)} hosts", err=True)


def as_data(problem: Problem) -> dict[str, Any]:
    """A problem in the form of `--json`."""
    at = problem.position
    return {
        "file": str(at.file) if at else None,
        "line": at.line if at else None,
        "path": problem.path,
        "reason": problem.reason,
        "hint": problem.hint,
    }
