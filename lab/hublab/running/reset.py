"""Makes a lab as if it were new, so that one case of a matrix does not see another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from hublab.running import programs
from hublab.running.lab import Lab
from hublab.running.proxy_table import empty_or_stop, start_and_remember
from hublab.running.readiness import wait_until_running
from hublab.running.switching import nothing_due, restart_roles, write_files
from hublab.settings.files import changed_keys, roles_of
from hublab.settings.values import Settings

DATABASE = "/srv/jupyterhub/jupyterhub.sqlite"
DATABASE_FILES = (DATABASE, f"{DATABASE}-journal")


async def reset_lab(lab: Lab, settings: Settings, *, whole: bool = True) -> float:
    """Make a lab as if it were new, with these settings: no server, empty homes, database, routes.

    With `whole` it writes every file of every host; without it only those that differ, which is
    enough unless the last switch was interrupted. It ends servers on their nodes, because the hub
    may be unreachable in the case that ends here. Returns the seconds, nearly all of which are the
    hub's own start. Raises ProgramEnded if the hub or the proxy ends with the settings.
    """
    begun = time.monotonic()
    hub = lab.one("hub").service
    proxies = [host.service for host in lab.of_role("proxy") if host.service != hub]
    old, left = await asyncio.to_thread(lab.case)
    # Hub and proxy restart in any case, so only others can still have older settings.
    changed = sorted({*left, *changed_keys(old, settings)})
    due = [key for key in changed if not {*roles_of([key])} & {"hub", "proxy"}]
    # First: a spawn that is under way must not put a server on a node that was just emptied.
    keeps = [] if whole or "proxy" in roles_of(changed) else proxies
    stopping = [partial(programs.stop, lab, proxy) for proxy in proxies if proxy not in keeps]
    await in_threads(lambda: programs.end_hub_and_all(lab, hub, *DATABASE_FILES), *stopping)
    _, _, *runs_on = await in_threads(
        lambda: empty_database_host(lab),
        lambda: write_files(lab, settings, None if whole else old, due),
        *(partial(empty_or_stop, lab, proxy, settings) for proxy in keeps),
    )
    if due:
        await restart_roles(lab, roles_of(due))
        await asyncio.to_thread(nothing_due, lab, settings)
    kept = {proxy for proxy, on in zip(keeps, runs_on, strict=True) if on}
    down = [proxy for proxy in proxies if proxy not in kept]
    await in_threads(*(partial(start_and_remember, lab, proxy, settings) for proxy in down))
    # The nodes meanwhile: what a hub needs to start is one core, and it knows of no server.
    nodes = [partial(end_all_servers, lab, node.service) for node in lab.of_role("node")]
    emptying = asyncio.create_task(in_threads(*nodes))
    try:
        await asyncio.to_thread(programs.start, lab, hub)
        await wait_until_running(lab)
    finally:
        await emptying
    return time.monotonic() - begun


async def in_threads(*works: Callable[[], object]) -> list[object]:
    """What blocking functions return that run at the same time; raises the first error of any."""
    return await asyncio.gather(*(asyncio.to_thread(work) for work in works))


def empty_database(lab: Lab) -> None:
    """Remove what is in the hub's database, wherever it is; the hub must not run."""
    empty_database_host(lab)
    lab.output(lab.one("hub").service, "rm", "-f", *DATABASE_FILES)


def empty_database_host(lab: Lab) -> None:
    """Remove what is in the database of a database host; the hub must not run."""
    for host in lab.of_role("database"):
        lab.output(host.service, "/opt/hublab/empty")


END_SERVERS = """
users=$(ls /home | paste -sd,)
pkill -KILL -u "$users"
for try in $(seq 1200); do pgrep -u "$users" >/dev/null || break; sleep 0.05; done
find /home -mindepth 2 -delete || exit 1
for home in /home/*; do cp -rT /etc/skel "$home" && chown -R "${home##*/}:" "$home" || exit 1; done
! pgrep -u "$users" >/dev/null
"""


def end_all_servers(lab: Lab, node: str) -> None:
    """Kill every process of the lab's users on a node, and restore their homes from /etc/skel."""
    lab.output(node, "sh", "-c", END_SERVERS)
