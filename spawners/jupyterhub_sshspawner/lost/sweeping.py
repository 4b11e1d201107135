"""What runs on the nodes, beside what the hub's database says should."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .. import places, resolve
from ..choice.hosts import Host
from ..errors import AuthenticationRefused, HostClosed, SSHSpawnerError, Unreachable
from ..exchange.node import Node
from ..exchange.protocol import told
from ..server import ending, launching
from ..state import Instance
from ..traits import SSHTraits
from .orphans import all_orphans
from .ownership import instances_in, owner_of

REFUSALS = 2
"""Accounts that a host may refuse before no further one is tried there: each refusal counts for its
sshd's PerSourcePenalties, which would then lock the hub out for everybody."""
_NAME = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Found:
    """A server that runs in an account on a node.

    ``kind`` is ``known`` for one that is in the database, ``orphan`` for one that the hub is about
    to end, ``unknown`` for one that this hub started and has forgotten, and ``foreign`` for
    another hub's, or one that says of no hub.
    """

    kind: str
    host: str
    account: str
    instance: str
    pid: int
    since: int  # seconds since 1970
    user: str
    server: str
    ended: bool = False


@dataclass(frozen=True)
class Failed:
    """An account on a node that could not be looked at."""

    host: str
    account: str
    why: str


async def sweep(
    spawners: Iterable[SSHTraits], hosts: frozenset[str], end: bool
) -> tuple[list[Found], list[Failed]]:
    """What runs for these users, on these hosts or all; ``end`` ends what is ``unknown``.

    Hosts are looked at side by side, accounts on one host one after the other.
    """
    found: list[Found] = []
    failed: list[Failed] = []
    wanted: dict[str, list[tuple[SSHTraits, Host]]] = {}
    for spawner in spawners:
        try:
            allowed = await resolve.allowed_hosts(spawner)
        except Exception as error:
            failed.append(Failed("?", spawner.user.name, _why(spawner, error)))
            continue
        for name, host in allowed.items():
            if not hosts or name in hosts:
                wanted.setdefault(name, []).append((spawner, host))

    for name in sorted(hosts - set(wanted)):
        failed.append(Failed(name, "?", "none of these users may use a host of this name"))

    async def look_at(accounts: list[tuple[SSHTraits, Host]]) -> None:
        refused = 0
        for spawner, host in accounts:
            account = spawner.user.name
            if refused >= REFUSALS:
                why = f"not asked: {host.name} has refused others, or did not answer"
                failed.append(Failed(host.name, account, why))
                continue
            try:
                account = await resolve.account(spawner, host)
                found.extend(await _look(spawner, host, account, end))
                refused = 0
            except Exception as error:  # a setting may be a callable, which can raise anything
                failed.append(Failed(host.name, account, _why(spawner, error)))
                refused += isinstance(error, AuthenticationRefused | HostClosed) or (
                    isinstance(error, Unreachable) and error.everybody
                )

    await asyncio.gather(*map(look_at, wanted.values()))
    return sorted(found, key=_order), failed


def _why(spawner: SSHTraits, error: Exception) -> str:
    if isinstance(error, SSHSpawnerError):
        return str(error)
    spawner.log.error("Cannot sweep for %s", spawner.user.name, exc_info=error)
    return f"{type(error).__name__}; see the hub's log"


def _order(one: Found) -> tuple[str, str, int]:
    return one.host, one.account, one.since


async def _look(spawner: SSHTraits, host: Host, account: str, end: bool) -> list[Found]:
    node = await places.node_for(spawner, host, account)
    events: list[dict[str, Any]] = []
    somewhere = Instance(
        "0" * 32,
        host.name,
        run_dir=resolve.remote_path(spawner, "run_dir", account),
        run_dir_fallback=resolve.remote_path(spawner, "run_dir_fallback", account),
    )
    reply = await node.ask("list", launching.about(somewhere), spawner.poll_timeout, events.append)
    if reply.state != "listed":
        raise SSHSpawnerError(f"{host.name} cannot tell: {reply.detail[:500]}")
    known = instances_in(spawner, account)
    orphans = {orphan.instance.instance for orphan in all_orphans(spawner.orm_spawner)}
    hub = owner_of(spawner).hub
    found = [
        _found(event, host.name, account, hub, known, orphans)
        for event in events
        if event.get("event") == "server" and _NAME.fullmatch(told(event, "instance"))
    ]
    return [await _ended(spawner, node, somewhere, one) if end else one for one in found]


async def _ended(spawner: SSHTraits, node: Node, where: Instance, one: Found) -> Found:
    """The same, once it has been ended if it is unknown; what could not be is not ``ended``."""
    if one.kind != "unknown":
        return one
    try:
        await ending.end(spawner, node, replace(where, instance=one.instance), now=False)
    except SSHSpawnerError as error:
        spawner.log.warning("Cannot end %s on %s: %s", one.instance, one.host, error)
        return one
    return replace(one, ended=True)


def _found(
    event: dict[str, Any], host: str, account: str, hub: str, known: set[str], orphans: set[str]
) -> Found:
    instance = told(event, "instance")
    kind = "unknown" if told(event, "hub") == hub else "foreign"
    if instance in known:
        kind = "known"
    elif instance in orphans:
        kind = "orphan"
    return Found(kind, host, account, instance, _number(event, "pid"), _number(event, "since"),
                 told(event, "user"), told(event, "server"))  # fmt: skip


def _number(event: dict[str, Any], name: str) -> int:
    value = event.get(name)
    return value if type(value) is int else 0
