"""The request for a start: what runs on the node, and in what environment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlparse

from ..errors import Misconfigured
from ..launcher.redaction import REDACTED as REDACTED
from ..launcher.redaction import redact as redact
from ..launcher.redaction import secrets_in as secrets_in


def checked_environment(env: Mapping[str, object]) -> dict[str, str]:
    """Names and values as the node gets them, byte for byte (sshspawner PR #45).

    Numbers and truth values become text; what cannot be an environment entry is refused by name.
    None means: not set.
    """
    result: dict[str, str] = {}
    for name, value in env.items():
        if value is None:
            continue
        if isinstance(value, bytes):
            value = value.decode("utf-8", "surrogateescape")
        if not isinstance(value, str | int | float):
            raise Misconfigured(f"environment: {name} is a {type(value).__name__}, not text")
        text = str(value)
        if not name or "=" in name or not _passes(name) or not _passes(text):
            raise Misconfigured(f"environment: {name!r} cannot be passed to a process")
        result[name] = text
    return result


def _passes(text: str) -> bool:
    """Whether ``execve`` can get it: no NUL, and bytes as the launcher makes them."""
    try:
        return b"\0" not in text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return False


def command(argv: Sequence[str], shell: Sequence[str] = (), prologue: str = "") -> list[str]:
    """What to exec: the command itself, or a shell that runs the prologue and becomes it."""
    if not shell and not prologue:
        return list(argv)
    script = "exec " + shlex.join(argv)
    if prologue:
        script = f"{prologue}\n{script}"
    return [*(shell or ("/bin/sh", "-c")), script]


def service_url(env: Mapping[str, str]) -> tuple[tuple[str, str] | None, int]:
    """Where the port goes in JUPYTERHUB_SERVICE_URL, and the port if it is fixed already.

    A server that is told port 0 listens on 80 (jupyterhub#4450), so the launcher fills it in.
    """
    url = env.get("JUPYTERHUB_SERVICE_URL", "")
    match = re.fullmatch(r"(https?://(?:\[[^\]]*\]|[^:/]*):)(\d*)(/.*)?", url)
    if not match:
        return None, 0
    return (match[1], match[3] or ""), int(match[2] or 0)


def hub_check(env: Mapping[str, str], timeout: float) -> dict[str, Any] | None:
    """What the node should try to reach, or None where that is no TCP address."""
    url = env.get("JUPYTERHUB_API_URL", "")
    parts = urlparse(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"host": parts.hostname, "port": port, "url": url, "timeout": timeout}
