"""`hublab doctor`: shows what this machine lacks for a lab, and installs it on request."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from hublab.cli.common import err, out, table
from hublab.cli.json_output import emit, json_option
from hublab.errors import MachineError
from hublab.machine.capabilities import FIX, Capability, connect, probe, probe_needed
from hublab.machine.distribution import Distribution, this_machine
from hublab.machine.preparation import Step, plan
from hublab.progress import Progress

QUIET_SECONDS = 5.0
STYLES = {"ok": "green", "missing": "red", "unknown": "yellow"}


@click.command()
@click.option("--fix", is_flag=True, help="Install and start what is missing (needs root).")
@click.option("--dry-run", is_flag=True, help="With --fix: print the commands, run none.")
@click.option(
    "--quiet", "-q", is_flag=True, help="With --fix: print nothing if nothing is missing."
)
@json_option
def doctor(fix: bool, dry_run: bool, quiet: bool, as_json: bool) -> None:
    """Show what this machine lacks for a lab, and how to get it.

    Without --fix it changes nothing. --fix installs what is missing from the packages of Debian or
    Ubuntu, and leaves an engine that answers as it is. Exit code 0 when `hublab up` has all it
    needs, else 3.
    """
    if (dry_run or quiet) and not fix:
        raise click.UsageError("--dry-run and --quiet go with --fix")
    machine = this_machine()
    if fix and dry_run:
        show_plan(plan(machine, connect()), as_json)
        return
    done = prepare(err_line) if fix else []
    if fix and quiet:
        return
    capabilities = probe(machine, connect())
    if as_json:
        emit(as_document(machine, capabilities, done))
    else:
        show(capabilities)
    if missing := blocking(capabilities):
        if as_json:
            raise click.exceptions.Exit(MachineError.exit_code)
        raise missing


def prepare(progress: Progress) -> list[dict[str, str | float]]:
    """Run the steps that supply what is missing; returns each step with its seconds.

    Raises MachineError if something that `hublab up` needs is still missing afterwards.
    """
    machine = this_machine()
    steps = plan(machine, connect())
    done: list[dict[str, str | float]] = []
    for number, step in enumerate(steps, 1):
        progress(f"[{number}/{len(steps)}] {step.title}")
        for command in step.commands:
            progress(f"        {command}")
        begun = time.monotonic()
        step.run(Detail(progress, begun))
        seconds = time.monotonic() - begun
        progress(f"        done in {seconds:.1f} s")
        done.append({"step": step.title, "seconds": round(seconds, 3)})
    if missing := blocking(probe_needed(machine, connect())):
        raise missing
    return done


class Detail:
    """Passes on a line of a tool's output every few seconds, to show that it makes progress."""

    def __init__(self, progress: Progress, begun: float) -> None:
        self._progress = progress
        self._begun = begun
        self._shown = begun

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if line.strip() and now - self._shown > QUIET_SECONDS:
            self._shown = now
            self._progress(f"        {now - self._begun:4.0f} s  {line.strip()[:100]}")


def blocking(capabilities: Sequence[Capability]) -> MachineError | None:
    """The error that names everything that `hublab up` lacks."""
    missing = [capability for capability in capabilities if capability.blocks_up]
    if not missing:
        return None
    remedies = [capability.remedy for capability in missing]
    ours = [f"`{FIX}` gets it"] if any(FIX in remedy for remedy in remedies) else []
    return MachineError(
        "this machine cannot run a lab yet, it lacks: "
        + "; ".join(f"{capability.name} ({capability.detail})" for capability in missing),
        hint="\n".join([*ours, *(remedy for remedy in remedies if FIX not in remedy)]),
    )


def show(capabilities: Sequence[Capability]) -> None:
    """Print the table of capabilities, and how to get the missing ones."""
    rows = table(None, "CAPABILITY", "STATE", "DETAIL", "NEEDED BY")
    for capability in capabilities:
        style = STYLES[capability.state] if capability.required else "default"
        rows.add_row(
            capability.name,
            f"[{style}]{capability.state}[/{style}]",
            capability.detail,
            capability.needed_by,
        )
    out.print(rows)
    for capability in capabilities:
        if not capability.ok and capability.remedy:
            out.print(f"\n{capability.name}: {capability.remedy}", markup=False, end="")
    out.print()


def show_plan(steps: Sequence[Step], as_json: bool) -> None:
    """Print what --fix would do."""
    if as_json:
        emit([{"step": step.title, "commands": step.commands} for step in steps])
        return
    for number, step in enumerate(steps, 1):
        click.echo(f"[{number}/{len(steps)}] {step.title}")
        for command in step.commands:
            click.echo(f"        {command}")
    if not steps:
        click.echo("nothing to do: `hublab up` has all it needs")


def as_document(
    machine: Distribution,
    capabilities: Sequence[Capability],
    done: Sequence[dict[str, str | float]],
) -> dict[str, object]:
    missing = blocking(capabilities)
    return {
        "machine": machine.name,
        "ready": missing is None,
        "missing": None if missing is None else missing.as_json(),
        "steps": list(done),
        "capabilities": [capability.as_json() for capability in capabilities],
    }


def err_line(text: str) -> None:
    """One line of progress on stderr."""
    err.print(text, markup=False)
