"""`hublab conformance`: tests a spawner against a table of demands, row by row."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from hublab.cli.common import out, steps, table
from hublab.cli.json_output import emit, json_option
from hublab.cli.places import Place
from hublab.conformance import BUILT_IN, TARGET, ConformanceRow, conformance, subject_files
from hublab.engine import Engine, build_target
from hublab.errors import ExpectationFailed, UsageError
from hublab.machine.authorities import authorities
from hublab.machine.base_image import choose_base
from hublab.paths import ROOT


@click.command("conformance")
@click.argument("spawner", metavar="SPAWNER")
@click.option(
    "--module",
    type=Place(),
    metavar="FILE",
    help="The Python file that defines the class of SPAWNER.",
)
@click.option(
    "--config",
    type=Place(),
    metavar="FILE",
    help="Lines that the spawner needs in jupyterhub_config.py.",
)
@json_option
def conformance_command(
    spawner: str, module: Path | None, config: Path | None, as_json: bool
) -> None:
    """Test a spawner against what hubs and bug reports demand.

    SPAWNER is `ssh` (ours), `simple` (JupyterHub's SimpleLocalProcessSpawner), or
    module.Class with --module. Each demand is a row of a table. It is tested with a real hub beside
    a stock sshd, in a container without network. Exit code 1 when the spawner breaks a row.

    \b
    Examples:
      hublab conformance ssh
      hublab conformance simple
      hublab conformance my_spawner.MySpawner --module my_spawner.py --config lines.py
    """
    check(spawner, module)
    files = subject_files(module, config)
    say = steps()
    engine = Engine.connect()
    image = build_target(ROOT, TARGET, choose_base(engine, say), authorities(), say)
    rows = conformance(engine, image, spawner, files, say)
    if as_json:
        emit({"spawner": spawner, "rows": [asdict(row) for row in rows]})
    else:
        show(rows)
    if broken := [row for row in rows if row.outcome == "broke"]:
        raise ExpectationFailed(f"{spawner} broke {len(broken)} of {len(rows)} rows")


def check(spawner: str, module: Path | None) -> None:
    """Raise UsageError for a name that cannot be a class, and for a file of another module."""
    if spawner in BUILT_IN:
        return
    if not all(part.isidentifier() for part in spawner.split(".")) or "." not in spawner:
        raise UsageError(
            f"{spawner!r} is not the name of a spawner",
            hint=f"{' or '.join(BUILT_IN)}, or module.Class",
        )
    if module and module.stem != spawner.split(".")[0]:
        raise UsageError(
            f"{module} is not the module of {spawner}",
            where="--module",
            hint=f"{spawner.split('.')[0]}.py",
        )


def show(rows: list[ConformanceRow]) -> None:
    """The table of rows."""
    listed = table(None, "", "DEMAND", "SOURCE", "SECONDS", "REASON")
    for row in rows:
        colour = {"held": "green", "broke": "red"}.get(row.outcome, "yellow")
        sign = f"[{colour}]{row.outcome}[/{colour}]"
        listed.add_row(sign, row.demand, row.source, f"{row.seconds:.1f}", row.reason)
    out.print(listed)
