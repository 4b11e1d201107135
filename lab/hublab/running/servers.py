"""A user's single-user server, as the hub describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SpawnMessage:
    """One message of a spawn as its user sees it; `t` in seconds since it was asked for."""

    t: float
    progress: int | None
    message: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """A single-user server as the hub knows it."""

    user: str
    name: str
    host: str | None
    address: str | None
    port: int | None
    pid: int | None
    ready: bool
    started: str | None = None
    seconds: float = 0.0
    events: tuple[SpawnMessage, ...] = ()
    tunnel: str | None = None
    """`host:port` at which hub and proxy find it, where that is a tunnel's end on the hub."""

    @property
    def label(self) -> str:
        """What it is called in a listing."""
        return server_label(self.user, self.name)

    @property
    def path(self) -> str:
        """Where it stands below the base URL: `user/alice/`, or `user/alice/analysis/`."""
        return f"user/{self.label}/"


def server_label(user: str, name: str | None) -> str:
    """`alice`, or `alice/analysis` of a named server."""
    return f"{user}/{name}" if name else user


def stopped(model: dict[str, Any] | None) -> bool:
    """Whether the hub's model of a server says that there is none, or that it is at rest."""
    return not model or not (model["pending"] or model["ready"])


def server_from(user: str, model: dict[str, Any]) -> Server:
    """Our record from the hub's model; `state` is what the spawner keeps of the server."""
    state = model.get("state") or {}
    tunnelled = state.get("transport") == "tunnel" and state.get("local_port")
    return Server(
        user=user,
        name=model["name"],
        host=state.get("host"),
        address=state.get("address"),
        port=state.get("port"),
        pid=state.get("pid"),
        ready=bool(model["ready"]),
        started=model.get("started"),
        tunnel=f"{state.get('connect_address')}:{state['local_port']}" if tunnelled else None,
    )
