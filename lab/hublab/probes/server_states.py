"""What is there of a server at one moment, by everybody who has a part in it.

The hub's own word is the model of its REST API (jupyterhub/apihandlers/base.py, `server_model`).
Beside it stand the rows of its database, the proxy's table and the processes of the nodes: each
of them changes at a moment of its own while a server starts and stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hublab.probes.database import DatabaseReader, Table
from hublab.probes.observation import observed, record, unrecorded
from hublab.probes.processes import user_processes
from hublab.probes.routes import proxy_routes
from hublab.probes.waiting import PATIENCE, until
from hublab.running.hub_api import server_path
from hublab.running.live import LiveLab
from hublab.running.servers import Server

POLL = 0.05
"""Seconds between two questions of a watch."""


@dataclass(frozen=True, slots=True)
class State:
    """The hub's word: at most one of `ready` and `stopped`, and what is under way."""

    pending: str | None
    ready: bool
    stopped: bool

    def __str__(self) -> str:
        return self.pending or ("ready" if self.ready else "stopped")


@dataclass(frozen=True, slots=True)
class ServerParts:
    """A server's parts at one moment: which of them are there."""

    state: State
    row: bool
    """Its row of `servers`, which says where it is."""
    token: bool
    """The API token that it was started with."""
    client: bool
    """Its OAuth client."""
    route: bool
    """Its entry in the proxy's table."""
    process: bool
    """A process of the user's on a node that is a single-user server, zombies left out."""


def state_of(model: dict[str, Any] | None) -> State:
    """The state in a server's model; one of which the hub has none is stopped."""
    if model is None:
        return State(None, ready=False, stopped=True)
    return State(model["pending"], bool(model["ready"]), bool(model["stopped"]))


def public_part(model: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the journal gets of a server's model: not the state that the spawner keeps."""
    return model and {key: model.get(key) for key in ("pending", "ready", "stopped", "url")}


@observed("server_model", public_part)
async def server_model(live: LiveLab, user: str, name: str = "") -> dict[str, Any] | None:
    """A server's model, stopped or not; None where the hub does not know it."""
    hub = await live.hub()
    model: dict[str, Any] | None = await hub.get(server_path(user, name), 404)
    return model


@observed("server_state", str)
async def server_state(live: LiveLab, user: str, name: str = "") -> State:
    """What the hub says of a server now."""
    return state_of(await server_model(live, user, name))


async def until_state(
    live: LiveLab, user: str, wanted: str, name: str = "", *, seconds: float = PATIENCE
) -> State:
    """Wait for a state by its name: `ready`, `stopped`, or what is pending. Raises Undecided."""

    async def there() -> State | None:
        state = await server_state(live, user, name)
        return state if str(state) == wanted else None

    what = f"{user}'s server{f' {name}' if name else ''} in the state {wanted}"
    return await until(there, seconds=seconds, what=what)


async def until_ready(
    live: LiveLab, user: str, name: str = "", *, seconds: float = PATIENCE
) -> Server:
    """Wait until the hub calls a server ready; returns the server. Raises Undecided."""

    async def there() -> Server | None:
        server = await live.server(user, name)
        return server if server and server.ready else None

    what = f"{user}'s server{f' {name}' if name else ''} ready"
    return await until(there, seconds=seconds, what=what)


@observed("server_parts")
async def server_parts(live: LiveLab, user: str, name: str = "") -> ServerParts:
    """Everything that is there of a server now."""
    state, tables, routes, processes = await asyncio.gather(
        server_state(live, user, name),
        DatabaseReader(live).read(),
        proxy_routes(live),
        user_processes(live, user),
    )
    path = f"/user/{user}/{name}".rstrip("/")
    return ServerParts(
        state,
        **parts_in_database(tables, path),
        route=any(route.spec.rstrip("/") == path for route in routes),
        process=any("singleuser" in p.command and "Z" not in p.state for p in processes),
    )


def parts_in_database(tables: dict[str, Table], path: str) -> dict[str, bool]:
    """What the database has of the server at a path (jupyterhub/user.py, `spawn`)."""
    client = "jupyterhub" + path.replace("/", "-")
    return {
        "row": any(str(r["base_url"]).rstrip("/") == path for r in tables["servers"].rows),
        "token": any(r["note"] == f"Server at {path}/" for r in tables["api_tokens"].rows),
        "client": any(r["identifier"] == client for r in tables["oauth_clients"].rows),
    }


@dataclass(frozen=True, slots=True)
class Seen:
    """A state and when it was first seen, in seconds since the watch began."""

    t: float
    state: State


@contextlib.asynccontextmanager
async def watch_states(live: LiveLab, user: str, name: str = "") -> AsyncIterator[list[Seen]]:
    """Note each new state of a server, as the hub has it, for a block of code.

    A state that lasts less than a question takes may be missed.
    """
    seen: list[Seen] = []
    begun = time.monotonic()

    async def watch() -> None:
        with unrecorded():
            while True:
                state = await server_state(live, user, name)
                if not seen or seen[-1].state != state:
                    seen.append(Seen(round(time.monotonic() - begun, 3), state))
                await asyncio.sleep(POLL)

    task = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        states = [[one.t, str(one.state)] for one in seen]
        record(live, "server_states", {"asked": {"user": user, "name": name}, "seen": states})
