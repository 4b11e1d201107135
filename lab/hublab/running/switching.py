"""From one set of settings to another with as little restarting as makes them hold.

Hosts stay. A `hub.` setting restarts the hub's program, a `proxy.` one the proxy's (and the
hub then gives it its routes back), an `sshd.` one the nodes' sshd, whose connections stay;
a `server.` setting restarts nothing: servers that start from then on have it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from hublab.errors import HubError
from hublab.paths import ETC
from hublab.running import programs
from hublab.running.hub_api import Hub
from hublab.running.lab import Lab
from hublab.running.readiness import wait_until_listening, wait_until_running
from hublab.settings.files import (
    READ_AT_START,
    ROLE_OF_SCOPE,
    case_file,
    changed_keys,
    files_for,
    roles_of,
)
from hublab.settings.values import Settings

DATABASE = "/srv/jupyterhub/jupyterhub.sqlite"


@dataclass(frozen=True, slots=True)
class Restart:
    """A program that was restarted, or had its configuration read again, and why."""

    host: str
    program: str
    reason: str
    seconds: float


async def apply_settings(lab: Lab, settings: Settings, *, repair: bool = False) -> list[Restart]:
    """Make settings hold in a running lab; its database and servers stay.

    With `repair` what is down is started too, whatever changed. What an earlier switch wrote and
    did not see hold is restarted in any case. Returns what was restarted. Raises LabError when
    the hub does not run with the settings.
    """
    old, left = await asyncio.to_thread(lab.case)
    due = sorted({*left, *changed_keys(old, settings)})
    await asyncio.to_thread(write_files, lab, settings, due=due)
    down = await asyncio.to_thread(what_is_down, lab) if repair else set()
    restarts = await restart_roles(lab, roles_of(due), down)
    if due:
        await asyncio.to_thread(nothing_due, lab, settings)
    return restarts


def nothing_due(lab: Lab, settings: Settings) -> None:
    """Note in the lab that its settings hold."""
    lab.engine.put_files(lab.one("hub").id, ETC, [case_file(settings)])


def what_is_down(lab: Lab) -> set[str]:
    """The hosts that run while their program, which settings concern, does not."""
    roles = [ROLE_OF_SCOPE[scope] for scope in READ_AT_START]
    hosts = {host.service: host for role in roles for host in lab.of_role(role)}
    return {
        name
        for name, host in hosts.items()
        if host.state == "running" and not programs.status(lab, name).up
    }


async def restart_roles(
    lab: Lab, roles: Collection[str], down: Collection[str] = ()
) -> list[Restart]:
    """Restart what these roles' hosts run, and what is `down`: the proxy before the hub, which
    then fills it.
    """
    restarts: list[Restart] = []
    for scope in reversed(READ_AT_START):
        role = ROLE_OF_SCOPE[scope]
        for host in lab.of_role(role):
            if role not in roles and host.service not in down:
                continue
            program = programs.program_of(lab, host.service)
            if any(done.host == host.service for done in restarts):
                continue  # a hub that runs its own proxy
            reason = f"{scope}. settings" if role in roles else "it was down"
            seconds = await restart(lab, host.service)
            restarts.append(Restart(host.service, program, reason, seconds))
    return restarts


async def restart(lab: Lab, host: str) -> float:
    """Restart one host's program and wait until it has started; returns the seconds."""
    begun = time.monotonic()
    roles = lab.host(host).roles
    # Not asked to end, for then a hub stops every server first (JupyterHub.cleanup_servers).
    # The connections of an sshd live on: each has a process of its own.
    await asyncio.to_thread(programs.kill_if_up, lab, host)
    await asyncio.to_thread(programs.end_what_the_hub_left, lab, host)
    await asyncio.to_thread(programs.start, lab, host)
    if "hub" in roles:
        await wait_until_running(lab)
    else:
        await wait_until_listening(lab, host)
    return time.monotonic() - begun


async def give_routes_back(hub: Hub) -> str | None:
    """After a proxy restart: have the hub fill the empty table; says what was in the way."""
    try:
        await hub.check_routes()
    except HubError as error:
        return str(error)
    return None


async def reset_lab(lab: Lab, settings: Settings, *, whole: bool = True) -> float:
    """Make settings hold as in a new lab: no server runs; homes, database, routes are empty.

    With `whole` every host's files are written, whatever stands in them; without it only those
    that differ, as is enough after a switch that was not interrupted.

    For tests, where one case must not see another. Servers are ended on their nodes and not
    by the hub, which may be unreachable in the case that ends here. Returns the seconds, nearly
    all of which are the hub's own start. Raises ProgramEnded when hub or proxy refuse to run.
    """
    begun = time.monotonic()
    hub = lab.one("hub").service
    proxies = [host.service for host in lab.of_role("proxy") if host.service != hub]
    old, left = await asyncio.to_thread(lab.case)
    # Hub and proxy start anew in any case, so an sshd alone can be left with older settings.
    due = [
        key for key in sorted({*left, *changed_keys(old, settings)}) if "node" in roles_of([key])
    ]
    # First, so that no spawn that is under way puts a server on a node that was just emptied.
    stopping = [partial(programs.stop, lab, proxy) for proxy in proxies]
    await in_threads(lambda: programs.end_hub_and_all(lab, hub), *stopping)
    nodes = [partial(end_all_servers, lab, node.service) for node in lab.of_role("node")]
    emptying = asyncio.create_task(in_threads(*nodes))
    try:
        await in_threads(
            lambda: empty_database(lab),
            lambda: write_files(lab, settings, None if whole else old, due),
        )
        if due:
            await restart_roles(lab, ["node"])
            await asyncio.to_thread(nothing_due, lab, settings)
        # The hub is a second from asking the proxy anything when it starts (and asks again).
        starting = [partial(programs.start, lab, proxy) for proxy in proxies]
        await in_threads(*starting, lambda: programs.start(lab, hub))
        await wait_until_running(lab)
    finally:
        await emptying
    return time.monotonic() - begun


async def in_threads(*works: Callable[[], object]) -> None:
    """Do several blocking things at the same time, and raise what the first of them raised."""
    await asyncio.gather(*(asyncio.to_thread(work) for work in works))


def write_files(
    lab: Lab, settings: Settings, old: Settings | None = None, due: Sequence[str] = ()
) -> None:
    """Put each role's files on its hosts; not where `old`, if it is known, makes the same ones.

    The hub's are first, for they tell what is `due` should the others never be written.
    """
    for host in sorted(lab.hosts.values(), key=lambda host: "hub" not in host.roles):
        files = files_for(host.roles, settings, due)
        if files and (old is None or files != files_for(host.roles, old)):
            lab.engine.put_files(host.id, ETC, files)


def empty_database(lab: Lab) -> None:
    """The hub's database becomes new, wherever it is; the hub must not run."""
    for host in lab.of_role("database"):
        lab.output(host.service, "/opt/hublab/empty")
    lab.output(lab.one("hub").service, "rm", "-f", DATABASE, f"{DATABASE}-journal")


END_SERVERS = """
users=$(ls /home | paste -sd,)
pkill -KILL -u "$users"
for try in $(seq 1200); do pgrep -u "$users" >/dev/null || break; sleep 0.05; done
find /home -mindepth 2 -delete || exit 1
for home in /home/*; do cp -rT /etc/skel "$home" && chown -R "${home##*/}:" "$home" || exit 1; done
! pgrep -u "$users" >/dev/null
"""


def end_all_servers(lab: Lab, node: str) -> None:
    """End every process of the lab's users on a node, and make their homes new."""
    lab.output(node, "sh", "-c", END_SERVERS)
