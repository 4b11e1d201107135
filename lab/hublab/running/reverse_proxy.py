"""nginx in front of the proxy: its site changed for a time, and as it was afterwards.

The overlay nginx.yaml adds the host. Its site is one file, compose/etc/reverse-proxy/site.conf; a
scenario says which of its lines stand there otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from hublab.engine.records import File
from hublab.errors import LabError, UsageError
from hublab.paths import ETC
from hublab.running.lab import Lab
from hublab.running.live import LiveLab

SITE = "site.conf"
TEST = ("nginx", "-t", "-q", "-c", "/opt/hublab/nginx.conf")
RELOAD = ("s6-svc", "-h", "/etc/s6/nginx")
WORKERS = (
    "for p in /proc/[0-9]*; do "
    "case $(tr '\\0' ' ' < $p/cmdline 2>/dev/null) in "
    "*'shutting down'*) ;; 'nginx: worker process'*) echo ${p#/proc/};; esac; done"
)
"""Lists those that take new connections; one that only ends its old ones says so in its title."""
RELOADING = 10.0
"""Seconds within which a reload is done; it takes a fraction of one."""


@contextlib.asynccontextmanager
async def changed_site(live: LiveLab, *changes: tuple[str, str]) -> AsyncIterator[str]:
    """Have nginx run with other lines in its site: each change is (what stands there, what then).

    Yields the whole changed file. Raises UsageError for a text that does not stand there exactly
    once, and for a site that nginx does not take; the site is as before after any error.
    """
    lab = live.lab
    host = lab.one("reverse-proxy").service
    before = await asyncio.to_thread(lab.output, host, "cat", f"{ETC}/{SITE}")
    after = edited(before, changes)
    try:
        await asyncio.to_thread(put_site, lab, host, after)
        await reload(lab, host)
        yield after
    finally:
        await asyncio.to_thread(put_site, lab, host, before)
        await reload(lab, host)


def edited(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    """The site with other lines. Raises UsageError."""
    for old, new in changes:
        if text.count(old) != 1:
            raise UsageError(
                f"{old!r} occurs {text.count(old)} times in nginx's site, not once",
                where=SITE,
            )
        text = text.replace(old, new)
    return text


def put_site(lab: Lab, host: str, text: str) -> None:
    """Put the file in place. Raises UsageError with nginx's own words when it does not take it."""
    lab.engine.put_files(lab.host(host).id, ETC, [File(SITE, text.encode())])
    done = lab.run(host, *TEST)
    if done.exit_code:
        raise UsageError(f"nginx does not take this site: {done.stderr.strip()}", where=SITE)


async def reload(lab: Lab, host: str) -> None:
    """Have nginx read its site again, and wait until no worker takes connections as before."""
    begun = time.monotonic()
    before = await asyncio.to_thread(workers, lab, host)
    await asyncio.to_thread(lab.output, host, *RELOAD)
    while not (now := await asyncio.to_thread(workers, lab, host)) or now & before:
        if time.monotonic() - begun > RELOADING:
            raise LabError(f"nginx did not reload within {RELOADING:.0f} s", where=host)
        await asyncio.sleep(0.02)


def workers(lab: Lab, host: str) -> set[str]:
    """The processes of nginx that take new connections."""
    return set(lab.output(host, "sh", "-c", WORKERS).split())
