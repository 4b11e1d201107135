"""Servers of this account that run, and those among them that the hub may have forgotten.

Each instance has a note of whose it is: which hub's, which user's, which server's. A hub whose
database lost the row of a server finds it by that.
"""

from __future__ import annotations

import os

from .ending import end
from .instance import Instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

GENTLY = [("TERM", 5.0), ("KILL", 5.0)]


def end_leftovers(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> None:
    """End what runs for the same server of the same hub, but for what the hub says it knows."""
    owner, spare = request.get("owner"), request.get("spare", [])
    if not owner:
        return
    instance.note("owner.json", owner)
    for other in instance.others():
        if other.name in spare or other.read("owner.json") != owner or not other.members():
            continue
        other.call_off()
        end(other, GENTLY)
        say({"event": "ended", "instance": other.name})


def list_servers(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Tell of each instance that runs here, as an event."""
    for other in instance.others():
        if not other.members():
            continue
        record, owner = other.record(), other.read("owner.json")
        body = {name: owner.get(name, "") for name in ("hub", "user", "server")}
        since = int(os.path.getmtime(other.file("record.json")))
        say(dict(body, event="server", instance=other.name, pid=record["pid"], since=since))
    return {"state": "listed"}
