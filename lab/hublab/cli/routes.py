"""`hublab routes`: the proxy's table of routes beside the hub's belief."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import click

from hublab.cli.common import common, emit, err, out, table, with_live
from hublab.diagnosis.routes import AGREE, DIFFERS, ONLY_PROXY, UNKNOWN, RoutePair, compare
from hublab.errors import ExpectationFailed, Undecided
from hublab.probes.route_beliefs import route_tables
from hublab.running.live import LiveLab

STYLES = {AGREE: "green", DIFFERS: "red", UNKNOWN: "yellow"}


@click.command()
@click.option(
    "--check",
    is_flag=True,
    help="First have the hub compare the two, and repair the proxy's table.",
)
@common
def routes(check: bool, name: str, as_json: bool) -> None:
    """Show where the proxy sends each path, and where the hub believes that it does.

    The proxy is asked on its own host, the hub by its API and its database. Exit code 1 when
    the two differ, 2 when one of them could not be asked.

    A proxy that was restarted has lost its routes. The hub gives them again at its next check:
    every JupyterHub.last_activity_interval, 300 s by default, never with 0. With --check it does so
    now. That is POST /hub/api/proxy, sent to the hub's own address: the public one leads through
    the proxy, which answers 404 without routes.

    \b
    Examples:
      hublab routes
      hublab routes --check
      hublab routes --json
    """

    async def work(live: LiveLab) -> tuple[list[RoutePair], str | None, str]:
        tables = await route_tables(live)
        if check and not tables.hub_error:
            before = differing(compare(tables))
            await (await live.hub()).check_routes()
            tables = await route_tables(live)
            say_repaired(before, differing(compare(tables)))
        return compare(tables), tables.hub_error, live.lab.name_option

    rows, hub_error, lab = with_live(name, work, "routes")
    if as_json:
        emit([asdict(row) for row in rows])
    else:
        show(rows)
    if hub_error:
        raise Undecided(f"the hub's belief is unknown: {hub_error}")
    if wrong := differing(rows):
        raise ExpectationFailed(
            f"{len(wrong)} of {len(rows)} routes differ: "
            + ", ".join(f"{row.spec} ({row.mark})" for row in wrong),
            hint=advice(wrong, lab, checked=check),
        )


def differing(rows: Iterable[RoutePair]) -> list[RoutePair]:
    """The rows in which proxy and hub do not agree."""
    return [row for row in rows if row.mark != AGREE]


def say_repaired(before: list[RoutePair], after: list[RoutePair]) -> None:
    """Say what the hub's check has changed."""
    left = {row.spec for row in after}
    repaired = ", ".join(f"{row.spec} ({row.mark})" for row in before if row.spec not in left)
    err.print(f"the hub checked its routes; repaired: {repaired or 'none'}", markup=False)


def advice(wrong: list[RoutePair], lab: str, *, checked: bool) -> str | None:
    """How the two tables come to agree; None where nothing is known that helps."""
    if not checked:
        return (
            f"`hublab routes --check{lab}` has the hub repair its own now; by itself it does so at "
            "its next check (JupyterHub.last_activity_interval)"
        )
    if all(row.mark == ONLY_PROXY for row in wrong):
        return "the hub leaves alone what lacks its mark: whoever added such a route must delete it"
    return None


def show(pairs: Iterable[RoutePair]) -> None:
    """The table of routes."""
    rows = table(None, "", "PATH", "PROXY SENDS IT TO", "HUB BELIEVES")
    for row in pairs:
        style = STYLES.get(row.mark, "red")
        rows.add_row(f"[{style}]{row.mark}[/{style}]", row.spec, row.proxy or "", row.hub or "")
    out.print(rows)
