"""The destination of a setting: the file that it is written to, and the restart that it needs.

Only for display: `files` makes the files, and `hublab.running.switching` does the restarts.
"""

from __future__ import annotations

from dataclasses import dataclass

from hublab.paths import ETC
from hublab.settings import nginx_directives
from hublab.settings.syntax import is_snippet


@dataclass(frozen=True, slots=True)
class Destination:
    """The file of a scope's settings, and the restart that puts them into effect."""

    role: str
    file: str
    restarts: str


_DESTINATIONS = {
    "hub": Destination("hub", f"{ETC}/settings.json", "the hub restarts; servers keep running"),
    "server": Destination(
        "node",
        f"{ETC}/settings.json",
        "nothing restarts; servers that start afterwards use it",
    ),
    "proxy": Destination(
        "proxy", f"{ETC}/proxy.args", "the proxy restarts, and the hub restores its routes"
    ),
    "sshd": Destination("node", f"{ETC}/sshd.conf", "sshd reloads its file; connections stay open"),
    "nginx": Destination(
        "reverse-proxy",
        f"{ETC}/{nginx_directives.FILE}",
        "nginx restarts, which ends the connections through it; servers keep running",
    ),
}
_SNIPPET = f"{ETC}/snippet.py"


def destination(key: str) -> Destination:
    """The file and restart of a setting."""
    found = _DESTINATIONS[key.partition(".")[0]]
    return Destination(found.role, _SNIPPET, found.restarts) if is_snippet(key) else found
