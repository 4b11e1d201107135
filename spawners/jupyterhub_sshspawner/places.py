"""Finding a host that answers, and finding it again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import isawaitable

from . import resolve
from .choice.hosts import Host
from .choice.placement import Board, candidates, chosen_host, has_room
from .errors import Misconfigured, SSHSpawnerError, Unreachable
from .exchange.node import Node
from .ssh.connections import shared_pool
from .ssh.dialing import Target
from .ssh.hops import written
from .ssh.trust import Access
from .state import Instance
from .trace import step
from .traits import SSHTraits

board = Board()  # one for the process: all spawners sit at it


def seat(spawner: SSHTraits) -> object:
    """Who sits at the board: a server of a user, as the object that stands for its row.

    Not its names: users are renamed while a server of theirs runs, JupyterHub 6 renames servers
    too, and somebody else may get the old name. Not the row's number, which the database hands
    out again. JupyterHub has one session, and that has one object for a row as long as somebody
    keeps it, as who holds a seat does.
    """
    return spawner.orm_spawner


@dataclass(frozen=True)
class Place:
    """A host that has been chosen and has answered."""

    host: Host
    node: Node
    peer: str
    address: str

    def new_instance(self, spawner: SSHTraits) -> Instance:
        """A server that is about to be launched here."""
        target = self.node.target
        return Instance(
            instance=secrets.token_hex(16),
            host=self.host.name,
            address=self.peer or target.address,
            ssh_port=target.port,
            host_key_alias=target.key_name,
            gss_host=target.gss_host,
            username=target.username,
            connect_address=self.address,
            run_dir=resolve.remote_path(spawner, "run_dir", target.username),
            run_dir_fallback=resolve.remote_path(spawner, "run_dir_fallback", target.username),
            transport=spawner.transport,
            jumps=tuple(map(written, target.jumps)),
        )


async def find(spawner: SSHTraits, say: Callable[[int, str], None]) -> Place:
    """The first host, by policy, that answers; unreachable and closed ones are passed over."""
    if callable(spawner.hosts):
        say(5, "Asking which hosts there are")
    hosts = await resolve.allowed_hosts(spawner)
    failure: SSHSpawnerError | None = None
    for host in (await _order(spawner, hosts))[: 1 + spawner.host_retry_limit]:
        if not has_room(host, board, seat(spawner), spawner.max_servers_per_host):
            continue  # others came while we waited for the one before
        board.sit(seat(spawner), host.name)
        say(10, f"Connecting to {host.name}")
        try:
            return await _connect(spawner, host, say)
        except Unreachable as error:
            if error.everybody:  # what one account has met may be about that account alone
                board.cool(host.name, spawner.host_cooldown)
            say(10, str(error))
            spawner.log.warning("%s: %s", spawner._log_name, error.detail or error)
            failure = error
    board.leave(seat(spawner))
    assert failure is not None  # there was at least one host
    raise failure


async def _order(spawner: SSHTraits, hosts: dict[str, Host]) -> list[Host]:
    policy = spawner.host_policy
    who, limit = seat(spawner), spawner.max_servers_per_host
    if callable(policy):
        wanted = policy(spawner, list(hosts))
        if isawaitable(wanted):
            wanted = await wanted
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        hosts = {name: hosts[name] for name in names if name in hosts}
        if not hosts:
            raise Misconfigured(f"SSHSpawner.host_policy chose {wanted!r}: no such host")
        return candidates(hosts, "first", board, who, limit=limit)
    chosen = chosen_host(spawner.user_options, hosts) if policy == "user-choice" else None
    return candidates(hosts, policy, board, who, chosen, limit)


async def node_for(spawner: SSHTraits, host: Host, username: str) -> Node:
    """A host as the account sees it; nothing has been asked of it yet."""
    access = await resolve.access(spawner, username)
    return _node(spawner, await resolve.target(spawner, host, username), access)


async def _connect(spawner: SSHTraits, host: Host, say: Callable[[int, str], None]) -> Place:
    username = await resolve.account(spawner, host)
    node = await node_for(spawner, host, username)
    address = _server_address(spawner, host)
    with step(spawner.trace, "start.connect", host=host.name):
        peer = await node.address_for_start()
    node = replace(node, target=replace(node.target, pinned=peer))
    say(30, f"Connected to {host.name} as {username}")
    return Place(host, node, peer, address or peer or host.ssh_address)


def _server_address(spawner: SSHTraits, host: Host) -> str:
    """Where hub and proxy find the server, if it is said anywhere."""
    if spawner.transport == "tunnel":
        return spawner.tunnel_connect_ip or spawner.tunnel_bind_ip
    where = "hosts: connect_address" if host.connect_address else "connect_address"
    template = host.connect_address or spawner.connect_address
    return resolve.filled(where, template, host=host.name)


async def again(spawner: SSHTraits, instance: Instance, place: Place | None) -> Node:
    """The node that an existing server is on; over the same connection if that is still there."""
    if place and place.host.name == instance.host:
        pinned = "" if place.node.target.jumps else instance.address
        target = replace(place.node.target, pinned=pinned)
    else:
        target = resolve.target_again(spawner, instance)
    access = await resolve.access(spawner, instance.username)
    return _node(spawner, target, access)


def _node(spawner: SSHTraits, target: Target, access: Access) -> Node:
    return Node(
        shared_pool(),
        target,
        access,
        resolve.limits(spawner),
        spawner.remote_python,
        spawner.command_timeout,
    )
