"""What ``ssh_config_files`` say about the way to a host.

asyncssh would open a ``ProxyJump`` itself, and there believe the hub user's own ``known_hosts`` and
sign in with the hub user's own keys. So its machines are taken for ``jump_hosts``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncssh

from ..errors import Misconfigured
from .dialing import Hop
from .hops import parse_hop

SETTING = "SSHSpawner.ssh_config_files: ProxyJump"


async def proxy_jump(files: Sequence[str], host: str, username: str) -> tuple[Hop, ...]:
    """The machines on the way to a host, the first one first; none without a ``ProxyJump``.

    Raises Misconfigured for one that itself is behind another: that takes ``jump_hosts``.
    """
    return await asyncio.to_thread(_proxy_jump, files, host, username)


def _proxy_jump(files: Sequence[str], host: str, username: str) -> tuple[Hop, ...]:
    jump = _options(files, host, username).tunnel
    if not isinstance(jump, str) or jump.lower() == "none":
        return ()
    hops = [parse_hop(text, SETTING, port=0) for text in jump.split(",")]
    return tuple(_filled(files, hop, first=index == 0) for index, hop in enumerate(hops))


def _filled(files: Sequence[str], hop: Hop, first: bool) -> Hop:
    """With what the files say of the machine itself; its ``HostName`` is looked up when dialled."""
    options = _options(files, hop.address, hop.username)
    if first and isinstance(options.tunnel, str) and options.tunnel.lower() != "none":
        raise Misconfigured(
            f"{SETTING}: {hop.address} is itself behind {options.tunnel}: name all machines on the "
            "way in SSHSpawner.jump_hosts"
        )
    user = hop.username or str(options.config.get("User") or "")
    return Hop(hop.address, hop.port or options.port, user)


def _options(files: Sequence[str], host: str, username: str) -> Any:
    """asyncssh's reading of the files; nothing of the hub user's is looked at."""
    try:
        return asyncssh.SSHClientConnectionOptions(
            config=list(files), host=host, username=username or (), client_keys=None,
            known_hosts=None, agent_path=None,
        )  # fmt: skip
    except (asyncssh.ConfigParseError, UnicodeDecodeError, ValueError) as error:
        words = "SSHSpawner.ssh_config_files: asyncssh cannot use what they say"
        raise Misconfigured(words, str(error)) from error
