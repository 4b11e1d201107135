"""Changes the settings of a running lab with as few restarts as they need.

Hosts stay. A `hub.` setting restarts the hub's program, a `proxy.` one the proxy's (and the
hub then gives it its routes back), an `sshd.` one the nodes' sshd, whose connections stay, an
`nginx.` one the nginx in front; a `server.` setting restarts nothing: servers that start from then
on have it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hublab.engine import Container
from hublab.errors import HubError, LabError
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
    await asyncio.to_thread(write_to, lab, lab.of_role("hub"), settings, due=due)
    others = [host for host in lab.hosts.values() if "hub" not in host.roles]
    # All files where an earlier switch was interrupted between two hosts, or hosts may be new.
    known = None if left or repair else old
    writing = asyncio.create_task(asyncio.to_thread(write_to, lab, others, settings, known))
    try:
        if roles_of(due) == ["hub"] and not repair:
            return [await restart_hub(lab, settings, due, writing)]
        await asyncio.shield(writing)
        down = await asyncio.to_thread(what_is_down, lab) if repair else set()
        restarts = await restart_roles(lab, roles_of(due), down)
    finally:
        await writing
    if due:
        await asyncio.to_thread(nothing_due, lab, settings)
    return restarts


async def restart_hub(
    lab: Lab, settings: Settings, due: Sequence[str], writing: Awaitable[None]
) -> Restart:
    """Restart a hub, whose file is written, while other hosts get theirs, which no hub reads.

    Its settings are in effect once it has been started, which is recorded while it comes to run;
    those with which it does not are due again.
    """
    hub = lab.one("hub").service
    begun = time.monotonic()
    await asyncio.to_thread(programs.kill_and_start, lab, hub)

    async def record() -> None:
        await writing
        await asyncio.to_thread(nothing_due, lab, settings)

    recording = asyncio.create_task(record())
    try:
        await wait_until_running(lab)
    except LabError:
        await recording
        await asyncio.to_thread(record_case, lab, settings, due)
        raise
    seconds = time.monotonic() - begun
    await recording
    return Restart(hub, programs.program_of(lab, hub), reason_of("hub"), seconds)


def nothing_due(lab: Lab, settings: Settings) -> None:
    """Record in the lab that its settings are in effect."""
    record_case(lab, settings, ())


def record_case(lab: Lab, settings: Settings, due: Sequence[str]) -> None:
    """Record the lab's settings, and those that are not in effect yet."""
    lab.engine.put_files(lab.one("hub").id, ETC, [case_file(settings, due)])


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
            reason = reason_of(scope) if role in roles else "it was down"
            seconds = await restart(lab, host.service)
            restarts.append(Restart(host.service, program, reason, seconds))
    return restarts


def reason_of(scope: str) -> str:
    """Why a program was restarted, where settings of a scope changed."""
    return f"{scope}. settings"


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
