"""`hublab fault`: causes a fault in the lab for a time, counts its effect, and heals it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import click

from hublab.cases.fault_lines import parse_duration
from hublab.cli.common import common, err, out, with_live
from hublab.cli.complete import hosts
from hublab.cli.json_output import emit
from hublab.errors import Undecided
from hublab.faults import RunningFault, freeze, partition
from hublab.running.live import LiveLab

COUNTED = {
    "partition": "packets lost, not counting the test packet",
    "freeze": "frozen",
}
"""The unit of each fault's counters."""


class Duration(click.ParamType[float]):
    """Seconds, or a number with a unit: 500ms, 6s, 2m."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = parse_duration(str(value))
        if seconds is None:
            self.fail(f"{value!r} is not a duration; hint: 6s, 500ms or 2m", param, ctx)
        return seconds


for_option = click.option(
    "--for", "seconds", type=Duration(), required=True, metavar="TIME", help="6s, 500ms or 2m."
)


@click.group()
def fault() -> None:
    """Cause a fault in the lab for a time, count it, and heal it.

    The fault ends after its time even if this command is killed.
    """


@fault.command("partition")
@click.argument("one", shell_complete=hosts)
@click.argument("other", shell_complete=hosts)
@for_option
@common
def partition_command(one: str, other: str, seconds: float, name: str, as_json: bool) -> None:
    """Cut hosts ONE and OTHER off from each other.

    Each host drops the packets that arrive from the other. All other hosts reach both.

    \b
    Examples:
      hublab fault partition hub node1 --for 6s
    """
    run_fault(name, lambda live: partition(live, one, other, seconds=seconds), as_json)


@fault.command("freeze")
@click.argument("host", shell_complete=hosts)
@for_option
@common
def freeze_command(host: str, seconds: float, name: str, as_json: bool) -> None:
    """Freeze all processes of HOST.

    The host's kernel goes on accepting connections; nothing answers on them.

    \b
    Examples:
      hublab fault freeze node1 --for 6s
    """
    run_fault(name, lambda live: freeze(live, host, seconds=seconds), as_json)


def run_fault(name: str, begin: Any, as_json: bool) -> None:
    """Cause a fault for its time, then print what it did."""

    async def work(live: LiveLab) -> RunningFault:
        context: AbstractAsyncContextManager[RunningFault] = begin(live)
        async with context as running:
            what = f"{running.kind} of {' and '.join(running.targets)}"
            err.print(f"{what} for {running.seconds:g} s; Ctrl-C heals it", markup=False)
            await running.wait()
        return running

    done = with_live(name, work, "fault")
    if as_json:
        emit(
            {
                "id": done.id,
                "fault": done.kind,
                "targets": done.targets,
                "seconds": done.seconds,
                "counters": dict(done.counters),
            }
        )
    else:
        for where, count in done.counters.items():
            out.print(f"{where}: {count} {COUNTED[done.kind]}", markup=False)
        out.print("healed")
    if done.kind == "freeze" and not done.met:
        raise Undecided("something else thawed the host before the end of the fault")
