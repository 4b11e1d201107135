"""What the hub's database keeps about a server: enough to find it again, and no secrets."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from .exchange.protocol import Process

VERSION = 1


@dataclass(frozen=True)
class Instance:
    """One server that was launched, or was about to be, and where."""

    instance: str
    host: str
    address: str = ""  # of the node's sshd, verified: a name may mean another machine tomorrow
    ssh_port: int = 22
    host_key_alias: str = ""
    gss_host: str = ""
    username: str = ""
    connect_address: str = ""
    run_dir: str = ""
    run_dir_fallback: str = ""
    transport: str = "direct"
    pid: int = 0
    ticks: int = 0
    leader: int = 0
    leader_ticks: int = 0
    port: int = 0
    device: int = 0
    inode: int = 0
    local_port: int = 0
    hub_port: int = 0
    orphaned: int = 0  # when it became an orphan, in seconds since 1970
    jumps: tuple[str, ...] = ()

    def with_process(self, process: Process) -> Instance:
        """The same, now that the node has told what runs."""
        return replace(self, **asdict(process))

    @property
    def known(self) -> dict[str, int] | None:
        """The processes, for a launcher that finds no record of its own."""
        names = ("pid", "ticks", "leader", "leader_ticks", "port", "device", "inode")
        return {name: getattr(self, name) for name in names} if self.leader else None


@dataclass
class State:
    """The whole entry: the server that is meant, and older ones that may still run."""

    current: Instance | None = None
    token_id: int = 0
    token_check: str = ""
    orphans: list[Instance] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As ``Spawner.get_state`` returns it; empty when there is nothing to remember."""
        body: dict[str, Any] = {}
        if self.current:
            body.update(asdict(self.current))
        if self.token_id:
            body.update(token_id=self.token_id, token_check=self.token_check)
        if self.orphans:
            body["orphans"] = [asdict(orphan) for orphan in self.orphans]
        return {"version": VERSION, **body} if body else {}


def from_dict(body: dict[str, Any]) -> State:
    """Read a state; unknown keys and other versions are tolerated, wrong types are dropped."""
    token_id, check = body.get("token_id", 0), body.get("token_check", "")
    orphans = body.get("orphans", [])
    return State(
        current=_instance(body),
        token_id=token_id if type(token_id) is int else 0,
        token_check=check if isinstance(check, str) else "",
        orphans=[o for item in orphans if isinstance(item, dict) and (o := _instance(item))]
        if isinstance(orphans, list)
        else [],
    )


def _instance(body: dict[str, Any]) -> Instance | None:
    if not isinstance(body.get("instance"), str) or not isinstance(body.get("host"), str):
        return None
    values: dict[str, Any] = {}
    for item in fields(Instance):
        value = body.get(item.name)
        if item.name == "jumps":
            values["jumps"] = tuple(map(str, value)) if isinstance(value, list | tuple) else ()
        elif type(value) is (int if item.type == "int" else str):
            values[item.name] = value
    return Instance(**values)
