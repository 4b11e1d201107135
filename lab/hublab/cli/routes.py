"""`hublab routes`: the proxy's table of routes beside the hub's belief."""

from __future__ import annotations

from dataclasses import asdict

import click

from hublab.cli.common import common, emit, out, table, with_live
from hublab.errors import ExpectationFailed, Undecided
from hublab.journal_events import Observed
from hublab.live import LiveLab
from hublab.probes.route_beliefs import AGREE, DIFFERS, UNKNOWN, RouteTables, compare_routes

STYLES = {AGREE: "green", DIFFERS: "red", UNKNOWN: "yellow"}


@click.command()
@common
def routes(name: str, as_json: bool) -> None:
    """Show where the proxy sends each path, and where the hub believes that it does.

    The proxy is asked on its own host, the hub by its API and its database. Exit code 1 when
    the two differ, 2 when one of them could not be asked.

    \b
    Examples:
      hublab routes
      hublab routes --json
    """

    async def work(live: LiveLab) -> RouteTables:
        seen = await compare_routes(live)
        live.record(Observed("routes", {"rows": [asdict(row) for row in seen.rows]}))
        return seen

    seen = with_live(name, work, "routes")
    if as_json:
        emit([asdict(row) for row in seen.rows])
    else:
        show(seen)
    if seen.silence:
        raise Undecided(f"the hub's belief is unknown: {seen.silence}")
    if differing := [row for row in seen.rows if row.mark != AGREE]:
        raise ExpectationFailed(
            f"{len(differing)} of {len(seen.rows)} routes differ: "
            + ", ".join(f"{row.spec} ({row.mark})" for row in differing),
            right="the hub mends its own at the next check of its routes (POST /hub/api/proxy)",
        )


def show(seen: RouteTables) -> None:
    """The table of routes."""
    rows = table(None, "", "PATH", "PROXY SENDS IT TO", "HUB BELIEVES")
    for row in seen.rows:
        style = STYLES.get(row.mark, "red")
        rows.add_row(f"[{style}]{row.mark}[/{style}]", row.spec, row.proxy or "", row.hub or "")
    out.print(rows)
