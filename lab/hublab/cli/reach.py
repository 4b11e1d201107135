"""`hublab reach`: tries every hop from inside the host that makes it."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape

from hublab.cli.common import common, fits, out, table, with_live
from hublab.cli.json_output import emit
from hublab.diagnosis.reach import HopDiagnosis, diagnose
from hublab.diagnosis.told import diagnosed
from hublab.errors import ExpectationFailed
from hublab.probes.reach import reach
from hublab.running.live import LiveLab


@click.command("reach")
@common
def reach_command(name: str, as_json: bool) -> None:
    """Try every hop of the deployment from the host that makes it.

    Shows the last layer that answered (DNS, TCP, TLS, then HTTP, SSH or PostgreSQL) and the setting
    that governs the address. Exit code 1 when a hop is broken. A hop is also broken if the proxy
    has no route to the hub, or to a server that the hub considers ready.

    \b
    Examples:
      hublab reach
      hublab reach --json | jq '.[] | select(.ok | not)'
    """

    async def work(live: LiveLab) -> list[HopDiagnosis]:
        hops = diagnose(await reach(live))
        live.record(diagnosed(live.name, hops))
        return hops

    hops = with_live(name, work, "reach")
    if as_json:
        emit([as_data(hop) for hop in hops])
    else:
        show(hops)
    broken = [hop for hop in hops if not hop.ok]
    if broken:
        lines = [
            f"{hop.source} -> {hop.target}: {hop.error} at {hop.url}\n  governed by {hop.setting}"
            for hop in broken
        ]
        workarounds = dict.fromkeys(hop.workaround for hop in broken if hop.workaround)
        raise ExpectationFailed(
            "\n".join([f"{len(broken)} of {len(hops)} hops broke", *lines]),
            hint="\n".join(workarounds) or None,
        )


def as_data(hop: HopDiagnosis) -> dict[str, Any]:
    """A hop in the form of `--json`."""
    return {
        "from": hop.source,
        "to": hop.target,
        "url": hop.url,
        "ok": hop.ok,
        "layer": hop.layer,
        "address": hop.address,
        "status": hop.status,
        "seconds": hop.seconds,
        "error": hop.error,
        "setting": hop.setting,
        "workaround": hop.workaround,
    }


def show(hops: list[HopDiagnosis]) -> None:
    """Print the table of hops, or a list of them where the terminal is too narrow for it."""
    rows = table(None, "", "FROM", "TO", "URL", "REACHED", "STATUS", "MS", "SETTING")
    for hop in hops:
        sign = "[green]ok[/green]" if hop.ok else "[red]broke[/red]"
        rows.add_row(
            sign,
            hop.source,
            hop.target,
            hop.url,
            hop.layer or "none",
            str(hop.status if hop.ok else hop.error),
            f"{hop.seconds * 1000:.0f}",
            hop.setting,
        )
    if fits(rows):
        out.print(rows)
        return
    for hop in hops:
        for line in lines_of(hop):
            out.print(line)


def lines_of(hop: HopDiagnosis) -> list[str]:
    """A hop as markup in three lines: what came of it, the address, and the setting."""
    sign = "[green]ok   [/green]" if hop.ok else "[red]broke[/red]"
    seen = f"{hop.layer or 'nothing'} {hop.status}" if hop.ok else f"{hop.error}"
    way = escape(f"{hop.source} -> {hop.target}: {seen} ({hop.seconds * 1000:.0f} ms)")
    return [f"{sign}  {way}", escape(f"       {hop.url}"), escape(f"       {hop.setting}")]
