"""The files into which settings are written, for the host of each role.

Pure; `hublab.running.switching` puts the files on the hosts. Sources: traitlets' configuration
system for hub and servers; sshd_config(5), where the first value read wins; the proxy's --help.
For nginx see `nginx_directives`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hublab.engine.records import File
from hublab.roles import reading
from hublab.settings import nginx_directives
from hublab.settings.syntax import SCOPES, JSONValue
from hublab.settings.values import Settings

JUPYTERHUB_UID = 990
DUE = "due"
"""An entry of case.json besides the settings: the keys that are written but may not be in effect
yet. No setting has this name."""
ROLE_OF_SCOPE = {scope: reading(scope).name for scope in SCOPES}
"""Scope -> the role whose software reads its settings."""
READ_AT_START = ("hub", "nginx", "proxy", "sshd")
"""The scopes whose settings take effect at a restart only. A program comes after those that depend
on it, so restarts go in reverse order: a restarted hub then finds its proxy and sets the routes."""


def files_for(roles: Iterable[str], settings: Settings, due: Sequence[str] = ()) -> list[File]:
    """The files under /etc/hublab of a host of these roles; empty ones undo earlier settings.

    `due` are the keys that take effect only when some program has restarted.
    """
    return [file for role in roles for file in files_of_role(role, settings, due)]


def files_of_role(role: str, settings: Settings, due: Sequence[str] = ()) -> list[File]:
    match role:
        case "hub":
            return [
                case_file(settings, due),
                private("settings.json", json.dumps(settings.scope("hub"))),
                private("snippet.py", settings.snippet("hub") or ""),
            ]
        case "node":
            return [
                File("settings.json", json.dumps(settings.scope("server")).encode()),
                File("snippet.py", (settings.snippet("server") or "").encode()),
                File("sshd.conf", sshd_lines(settings).encode()),
            ]
        case "standalone":
            return files_of_role("node", settings)[:2]
        case "proxy":
            return [File("proxy.args", "".join(f"{a}\n" for a in proxy_args(settings)).encode())]
        case "reverse-proxy":
            return [nginx_file(settings.scope("nginx"))]
        case _:
            return []


def case_file(settings: Settings, due: Sequence[str] = ()) -> File:
    """The file in which a lab records its settings; `read_case` reads it."""
    return private("case.json", json.dumps(settings.as_json() | ({DUE: list(due)} if due else {})))


def read_case(text: bytes | None) -> tuple[Settings, tuple[str, ...]]:
    """The settings recorded for a lab, and the keys that may not be in effect yet."""
    data = json.loads(text) if text else {}
    due = data.pop(DUE, [])
    return Settings.from_json(data), tuple(due)


def private(name: str, text: str) -> File:
    """A file that only the hub can read, because settings may contain tokens."""
    return File(name, text.encode(), mode=0o600, uid=JUPYTERHUB_UID)


def sshd_lines(settings: Settings) -> str:
    return "".join(f"{key} {value}\n" for key, value in settings.scope("sshd").items())


def nginx_file(values: Mapping[str, Any]) -> File:
    """The directives for a reverse proxy. Only root reads them, for a header may be a secret."""
    lines = nginx_directives.directive_lines(values)
    return File(nginx_directives.FILE, lines.encode(), mode=0o600)


def proxy_args(settings: Settings) -> list[str]:
    """One argument an element; true is a bare option, and false omits the option."""
    return [
        argument
        for option, value in settings.scope("proxy").items()
        for argument in proxy_option(option, value)
    ]


def proxy_option(option: str, value: JSONValue) -> list[str]:
    if value in (True, "true", "True"):
        return [f"--{option}"]
    if value in (False, "false", "False"):
        return []
    return [f"--{option}", str(value)]


def changed_keys(old: Settings, new: Settings) -> list[str]:
    """The keys whose change takes effect at a restart only."""
    return [
        key
        for key in sorted({*old, *new})
        if key.partition(".")[0] in READ_AT_START
        and ((key in old) != (key in new) or old[key] != new[key])
    ]


def roles_of(keys: Iterable[str]) -> list[str]:
    """The roles whose programs read these keys when they start."""
    scopes = {key.partition(".")[0] for key in keys}
    return [ROLE_OF_SCOPE[scope] for scope in READ_AT_START if scope in scopes]
