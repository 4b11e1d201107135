"""`hublab routes`: compares the proxy's routes with those that the hub expects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import click

from hublab.cli.common import common, err, out, table, with_live
from hublab.cli.json_output import emit
from hublab.diagnosis.routes import AGREE, DIFFERS, ONLY_PROXY, UNKNOWN, RoutePair, compare
from hublab.errors import ExpectationFailed, Undecided
from hublab.probes.route_beliefs import route_tables
from hublab.running.live import LiveLab

STYLES = {AGREE: "green", DIFFERS: "red", UNKNOWN: "yellow"}


@click.command()
@click.option(
    "--check", is_flag=True, help="First have the hub check its routes, and repair the proxy's."
)
@common
def routes(check: bool, name: str, as_json: bool) -> None:
    """Compare the proxy's routes with those that the hub expects.

    The proxy's routes come from its API, on its own host; the hub's from its API and its database.
    Exit code 1 when the two differ, 2 when one of them gave no answer.

    A restarted proxy has lost its routes. The hub adds them again at its next check: every
    JupyterHub.last_activity_interval, 300 s by default, never with 0. --check has the hub do it
    now, by POST /hub/api/proxy at the hub's own address. The public address leads through the
    proxy, which answers 404 without routes.

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
            report_repaired(before, differing(compare(tables)))
        return compare(tables), tables.hub_error, live.lab.name_option

    rows, hub_error, lab = with_live(name, work, "routes")
    if as_json:
        emit([asdict(row) for row in rows])
    else:
        show(rows)
    if hub_error:
        raise Undecided(f"the routes that the hub expects are unknown: {hub_error}")
    if wrong := differing(rows):
        raise ExpectationFailed(
            f"{len(wrong)} of {len(rows)} routes differ: "
            + ", ".join(f"{row.spec} ({row.mark})" for row in wrong),
            hint=advice(wrong, lab, checked=check),
        )


def differing(rows: Iterable[RoutePair]) -> list[RoutePair]:
    """The rows in which proxy and hub do not agree."""
    return [row for row in rows if row.mark != AGREE]


def report_repaired(before: list[RoutePair], after: list[RoutePair]) -> None:
    """Print which routes the hub's check has repaired."""
    left = {row.spec for row in after}
    repaired = ", ".join(f"{row.spec} ({row.mark})" for row in before if row.spec not in left)
    err.print(f"the hub checked its routes; repaired: {repaired or 'none'}", markup=False)


def advice(wrong: list[RoutePair], lab: str, *, checked: bool) -> str | None:
    """How to make the two tables agree; None where no way is known."""
    if not checked:
        return (
            f"`hublab routes --check{lab}` has the hub repair its routes now; without it the hub "
            "does so at its next check (JupyterHub.last_activity_interval)"
        )
    if all(row.mark == ONLY_PROXY for row in wrong):
        return "the hub only removes routes that it has added: remove the others in the proxy's API"
    return None


def show(pairs: Iterable[RoutePair]) -> None:
    """The table of routes."""
    rows = table(None, "", "PATH", "PROXY SENDS IT TO", "HUB EXPECTS")
    for row in pairs:
        style = STYLES.get(row.mark, "red")
        rows.add_row(f"[{style}]{row.mark}[/{style}]", row.spec, row.proxy or "", row.hub or "")
    out.print(rows)
