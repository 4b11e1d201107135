"""Makes a lab as if it were new, so that one case of a matrix does not see another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from hublab.running import programs
from hublab.running.lab import PROXY_TOKEN, Lab
from hublab.running.proxy_api import api_port, routes_url
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
    # Hub and proxy restart in any case, so only an sshd can still have older settings.
    due = [
        key for key in sorted({*left, *changed_keys(old, settings)}) if "node" in roles_of([key])
    ]
    # First: a spawn that is under way must not put a server on a node that was just emptied.
    keeps = [] if whole or "proxy" in roles_of(changed_keys(old, settings) + [*left]) else proxies
    stopping = [partial(programs.stop, lab, proxy) for proxy in proxies if proxy not in keeps]
    await in_threads(lambda: programs.end_hub_and_all(lab, hub, *DATABASE_FILES), *stopping)
    nodes = [partial(end_all_servers, lab, node.service) for node in lab.of_role("node")]
    emptying = asyncio.create_task(in_threads(*nodes))
    try:
        await in_threads(
            lambda: empty_database(lab),
            lambda: write_files(lab, settings, None if whole else old, due),
            *(partial(empty_or_stop, lab, proxy, settings) for proxy in keeps),
        )
        if due:
            await restart_roles(lab, ["node"])
            await asyncio.to_thread(nothing_due, lab, settings)
        # A starting hub needs a second until it first calls the proxy's API, and it tries again.
        starting = [partial(start_and_remember, lab, proxy) for proxy in proxies]
        await in_threads(*starting, lambda: programs.start(lab, hub))
        await wait_until_running(lab)
    finally:
        await emptying
    return time.monotonic() - begun


async def in_threads(*works: Callable[[], object]) -> None:
    """Run blocking functions at the same time, and raise the first error of any of them."""
    await asyncio.gather(*(asyncio.to_thread(work) for work in works))


def empty_database(lab: Lab) -> None:
    """Remove what is in the database of a database host; the hub must not run."""
    for host in lab.of_role("database"):
        lab.output(host.service, "/opt/hublab/empty")


def empty_or_stop(lab: Lab, proxy: str, settings: Settings) -> None:
    """Empty the table of a proxy that no case has restarted, or stop the proxy.

    A proxy with an empty table answers as a fresh one. It must be the very process that the last
    reset left: one that a case has started may have that case's clock, for instance.
    """
    if not (is_as_left(lab, proxy) and empty_table(lab, settings)):
        programs.stop(lab, proxy)


LEFT = "/run/hublab-left"
"""On a proxy's host: what s6 said of the proxy when a reset had started it."""
IS_AS_LEFT = '[ -s "$1" ] && [ "$(s6-svstat -o pid,up "$2")" = "$(cat "$1")" ]'
START = 's6-svc -wu -T "$3" -u "$2" && s6-svstat -o pid,up "$2" > "$1"'


def is_as_left(lab: Lab, proxy: str) -> bool:
    """Whether a proxy is the process that the last reset left."""
    folder = f"/etc/s6/{programs.program_of(lab, proxy)}"
    return lab.run(proxy, "sh", "-c", IS_AS_LEFT, "-", LEFT, folder).exit_code == 0


def start_and_remember(lab: Lab, proxy: str) -> None:
    """Start a proxy that is down, and note which process it is."""
    folder = f"/etc/s6/{programs.program_of(lab, proxy)}"
    lab.output(proxy, "sh", "-c", START, "-", LEFT, folder, programs.PATIENCE)


EMPTY_TABLE = """
api() { curl -sf --noproxy '*' -m 5 -H "Authorization: token $TOKEN" "$@"; }
for path in $(api "$1" | grep -o '"/[^"]*":{' | cut -d '"' -f 2); do api -X DELETE "$1$path"; done
[ "$(api "$1")" = "{}" ]
"""
"""The paths of a table are the only keys of its JSON that begin with a slash (README of
configurable-http-proxy, "Getting the routing table")."""


def empty_table(lab: Lab, settings: Settings) -> bool:
    """Take all routes out of the proxy's table; returns whether it is empty now."""
    url = routes_url(lab.one("proxy").service, api_port(settings))
    # Not in the arguments, which everybody on the host can read.
    secret = {"TOKEN": lab.secret(PROXY_TOKEN)}
    client = lab.one("client").service
    argv = ("sh", "-c", EMPTY_TABLE, "-", url)
    return lab.run(client, *argv, environment=secret).exit_code == 0


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
