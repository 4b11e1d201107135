"""`hublab fault`: something is done to the lab for a time, counted, and healed."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from typing import Any

import click

from hublab.cli.common import common, emit, err, out, with_live
from hublab.errors import Undecided
from hublab.faults import RunningFault, freeze, partition
from hublab.running.live import LiveLab

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}

COUNTED = {
    "partition": "packets lost, besides the one that proved it",
    "freeze": "stood still",
}
"""What the counters of a fault count."""


class Duration(click.ParamType[float]):
    """Seconds, or a number with a unit: 500ms, 6s, 2m."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = DURATION.fullmatch(str(value))
        if not found:
            self.fail(f"{value!r} is no duration; right would be 6s, 500ms or 2m", param, ctx)
        return float(found[1]) * UNITS[found[2]]


for_option = click.option(
    "--for", "seconds", type=Duration(), required=True, metavar="TIME", help="6s, 500ms or 2m."
)


@click.group()
def fault() -> None:
    """Do something to the lab for a time, count how it bit, and heal it whatever happens."""


@fault.command("partition")
@click.argument("one")
@click.argument("other")
@for_option
@common
def partition_command(one: str, other: str, seconds: float, name: str, as_json: bool) -> None:
    """Let hosts ONE and OTHER not hear each other: what they send is lost.

    \b
    Examples:
      hublab fault partition hub node1 --for 6s
    """
    keep(name, lambda live: partition(live, one, other, seconds=seconds), as_json)


@fault.command("freeze")
@click.argument("host")
@for_option
@common
def freeze_command(host: str, seconds: float, name: str, as_json: bool) -> None:
    """Let all processes of HOST stand still; its kernel goes on accepting connections.

    \b
    Examples:
      hublab fault freeze node1 --for 6s
    """
    keep(name, lambda live: freeze(live, host, seconds=seconds), as_json)


def keep(name: str, begin: Any, as_json: bool) -> None:
    """Let a fault bite for its time and tell what it did."""

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
        raise Undecided("the host was thawed by somebody else before its time")
