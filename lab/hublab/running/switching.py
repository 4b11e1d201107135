"""Changes the settings of a running lab with as few restarts as they need.

Hosts stay. A `hub.` setting restarts the hub's program, a `proxy.` one the proxy's (and the
hub then gives it its routes back), an `sshd.` one the nodes' sshd, whose connections stay;
a `server.` setting restarts nothing: servers that start from then on have it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hublab.engine import Container
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

AT_ONCE = 8
"""Hosts to which files are written at the same time."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A program that was restarted, or had its configuration read again, and why."""

    host: str
    program: str
    reason: str
    seconds: float


async def apply_settings(lab: Lab, settings: Settings, *, repair: bool = False) -> list[Restart]:
    """Put settings into effect in a running lab; its database and servers stay.

    With `repair` it also starts programs that are down. It restarts a program in any case if an
    earlier switch wrote its settings and was interrupted. Returns the restarts. Raises LabError if
    the hub does not run with the settings.
    """
    old, left = await asyncio.to_thread(lab.case)
    due = sorted({*left, *changed_keys(old, settings)})
    # All files, for an earlier switch may have been interrupted between two hosts.
    await asyncio.to_thread(write_to, lab, lab.of_role("hub"), settings, due=due)
    others = [host for host in lab.hosts.values() if "hub" not in host.roles]
    writing = asyncio.create_task(asyncio.to_thread(write_to, lab, others, settings))
    try:
        if repair or roles_of(due) != ["hub"]:
            await asyncio.shield(writing)  # a hub reads no file of another host
        down = await asyncio.to_thread(what_is_down, lab) if repair else set()
        restarts = await restart_roles(lab, roles_of(due), down)
    finally:
        await writing
    if due:
        await asyncio.to_thread(nothing_due, lab, settings)
    return restarts


def nothing_due(lab: Lab, settings: Settings) -> None:
    """Record in the lab that its settings are in effect."""
    lab.engine.put_files(lab.one("hub").id, ETC, [case_file(settings)])


def what_is_down(lab: Lab) -> set[str]:
    """The running hosts whose program is down, of those whose program reads settings."""
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
    """Restart the programs of these roles' hosts, and of the hosts in `down`.

    The proxy comes before the hub, which then fills its table.
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
    # SIGKILL: at SIGTERM a hub first stops every server (JupyterHub.cleanup_servers).
    # The connections of an sshd live on: each has a process of its own.
    await asyncio.to_thread(programs.kill_and_start, lab, host)
    if "hub" in roles:
        await wait_until_running(lab)
    else:
        await wait_until_listening(lab, host)
    return time.monotonic() - begun


async def give_routes_back(hub: Hub) -> str | None:
    """Have the hub fill the table of a restarted proxy; returns why it could not, else None."""
    try:
        await hub.check_routes()
    except HubError as error:
        return str(error)
    return None


def write_files(
    lab: Lab, settings: Settings, old: Settings | None = None, due: Sequence[str] = ()
) -> None:
    """Write each role's files to its hosts; with `old`, only the files that differ.

    The hub's files come first, because they record what is `due` if the others are never written.
    """
    write_to(lab, lab.of_role("hub"), settings, old, due)
    others = [host for host in lab.hosts.values() if "hub" not in host.roles]
    write_to(lab, others, settings, old)


def write_to(
    lab: Lab,
    hosts: Sequence[Container],
    settings: Settings,
    old: Settings | None = None,
    due: Sequence[str] = (),
) -> None:
    """Write the files of some hosts, to several at the same time; with `old`, those that differ."""
    differing = {
        host.id: files
        for host in hosts
        if (files := files_for(host.roles, settings, due))
        and (old is None or files != files_for(host.roles, old))
    }
    with ThreadPoolExecutor(AT_ONCE) as pool:
        writing = [
            pool.submit(lab.engine.put_files, host, ETC, files) for host, files in differing.items()
        ]
    for one in writing:
        one.result()
