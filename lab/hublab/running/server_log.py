"""What single-user servers wrote on their nodes, whatever the hub knows of them.

The spawner keeps one folder for each start of a server, below `SSHSpawner.run_dir` or, where that
cannot be used, below `SSHSpawner.run_dir_fallback`.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from hublab.errors import EngineError
from hublab.running.lab import Lab
from hublab.running.servers import server_label

RUN_DIRS = {
    "hub.SSHSpawner.run_dir": "~/.jupyterhub-ssh",
    "hub.SSHSpawner.run_dir_fallback": "/var/tmp/jupyterhub-ssh-{ssh_username}",
}
"""Where the folders are, by setting: the spawner's defaults."""
PRINT = r"""
since=$1 most=$2
shift 2
home=$(cd ~ && pwd) || exit 0
for base; do
  case $base in
    "~") base=$home ;;
    "~"/*) base=$home/${base#??} ;;
    /*) ;;
    *) base=$home/$base ;;
  esac
  for log in "$base"/*/server.log; do
    [ -f "$log" ] || continue
    owner=${log%/*}/owner.json
    [ -f "$owner" ] && begun=$(stat -c %.Y "$owner") || begun=$(stat -c %.Y "$log") || begun=0
    [ "${begun%[.,]*}" -ge "$since" ] || continue
    size=$(stat -c %s "$log") || size=0
    printf '\0%s\0%s\0%s\0' "$log" "$begun" "$size"
    tr -d '\0' < "$owner" 2>/dev/null
    printf '\0'
    tail -c "$most" "$log" | tr -d '\0'
  done
done
exit 0
"""
"""The spawner writes owner.json once, before it starts the server."""
ALL = 1 << 62
"""Bytes: more than any log has."""


@dataclass(frozen=True, slots=True)
class ServerLog:
    """The log of one start of a server."""

    host: str
    path: str
    text: str
    user: str = ""
    server: str = ""
    begun: float = 0.0
    """When it was started, in seconds of the Unix clock."""
    cut: bool = False
    """Whether its beginning is left out."""

    @property
    def label(self) -> str:
        """What its server is called in a listing."""
        return server_label(self.user, self.server)


def logs_on(
    lab: Lab, user: str, host: str, *, since: float = 0.0, most: int = ALL
) -> list[ServerLog]:
    """The logs of all servers that a user started on a host, the newest start last.

    With `since` (Unix clock, seconds) those started since then, with `most` the last bytes of each.
    """
    settings = lab.settings()
    folders = [str(settings.get(key, default)) for key, default in RUN_DIRS.items()]
    folders = [one.replace("{username}", user).replace("{ssh_username}", user) for one in folders]
    folders = [one for one in folders if one]
    limits = (str(int(since)), str(most))
    done = lab.run(host, "sh", "-c", PRINT, "-", *limits, *folders, user=user)
    return sorted(parsed(host, user, done.stdout, most), key=lambda log: log.begun)


def parsed(host: str, user: str, printed: str, most: int = ALL) -> list[ServerLog]:
    """The logs in what the script printed."""
    _, *parts = printed.split("\0") if printed else [""]
    found = []
    for at in range(0, len(parts) - 4, 5):
        path, begun, size, owner, text = parts[at : at + 5]
        named = owner_in(owner)
        whose = (str(named.get("user", user)), str(named.get("server", "")))
        cut = int(size) > most
        if cut:  # its first line may lack its beginning
            text = text.partition("\n")[2]
        found.append(ServerLog(host, path, text, *whose, float(begun), cut))
    return found


def owner_in(text: str) -> dict[str, Any]:
    """Whose server it is; nothing where that was not written."""
    try:
        owner = json.loads(text)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def logs_anywhere(lab: Lab, user: str, *, since: float = 0.0, most: int = ALL) -> list[ServerLog]:
    """The same of all nodes that run and have an account of that name."""
    found = []
    for node in lab.of_role("node"):
        with contextlib.suppress(EngineError):  # docker exec: no such user, or the node is down
            found += logs_on(lab, user, node.service, since=since, most=most)
    return sorted(found, key=lambda log: log.begun)
