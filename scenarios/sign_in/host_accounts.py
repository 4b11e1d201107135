"""Accounts of a host and its files of PAM, which a scenario changes and which are put back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hublab.scenario import File, LiveLab

ACCOUNTS = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")
KEEP = 'd=$1; shift; mkdir -m 700 "$d"; for f; do [ ! -e "$f" ] || cp -a --parents "$f" "$d"; done'
PUT_BACK = """
d=$1; shift
for f; do rm -rf "$f"; [ ! -e "$d$f" ] || cp -a "$d$f" "$f"; done
rm -r "$d"
"""
WITH_PASSWORD = """
name=$1; shift
useradd --no-create-home --shell /bin/bash "$@" "$name" 2>&1
{ printf '%s:' "$name"; cat /etc/hublab/password; } | chpasswd
"""


@asynccontextmanager
async def as_before(lab: LiveLab, host: str, *paths: str) -> AsyncIterator[None]:
    """Put files and folders of a host back after a block; what was not there is removed."""
    kept = f"/tmp/hublab-kept-{secrets.token_hex(4)}"
    await lab.run(host, "sh", "-ec", KEEP, "-", kept, *paths)
    try:
        yield
    finally:
        await asyncio.shield(lab.run(host, "sh", "-ec", PUT_BACK, "-", kept, *paths))


async def make_account(lab: LiveLab, name: str, *options: str) -> None:
    """An account of the hub's host that has the lab's password; `options` are useradd's."""
    await lab.run("hub", "sh", "-ec", WITH_PASSWORD, "-", name, *options)


async def write(lab: LiveLab, host: str, path: str, text: str, mode: int = 0o644) -> None:
    """Write a file of root's on a host."""
    folder, _, name = path.rpartition("/")
    await lab.put_files(host, folder, [File(name, text.encode(), mode=mode)])
