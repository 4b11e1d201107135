"""Brings changed working trees onto the hosts of a lab that runs.

A lab that came up with a working tree knows its folder. What has changed there since is on its
hosts after the next `up` or `restart`; servers that run keep the code that they were started with.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from hublab.checkouts import BY_NAME, Checkout, Source, cannot_start, checkout_in, staged
from hublab.engine import Container
from hublab.engine.records import File
from hublab.errors import LabError, UsageError
from hublab.progress import Progress
from hublab.running import programs
from hublab.running.lab import Lab
from hublab.running.sources import sources_of

AT_ONCE = 4
"""Hosts that get something at a time: each compiles and tries it."""


def refresh(
    lab: Lab, progress: Progress, asked: Collection[Checkout] = (), *, restart: bool = True
) -> list[str]:
    """Put what has changed on the hosts; returns the hosts that got something.

    `asked` are working trees in place of those that the lab came up with. With `restart` hub and
    proxy are restarted where they got something. A folder that is gone leaves its hosts as they
    are. Raises UsageError for a working tree that does not start.
    """
    instead = {one.software.name: one for one in asked}
    now: dict[Checkout, Source] = {}
    gone: set[str] = set()
    changed: list[tuple[Container, list[Checkout]]] = []
    for host in lab.hosts.values():
        if not host.sources or host.state != "running":
            continue
        before = sources_of(lab.engine, host)
        trees = []
        for one in before:
            try:
                tree = instead.get(one.software) or recorded(one)
                now[tree] = now.get(tree) or tree.source()
                trees.append(tree)
            except UsageError as error:
                gone.add(f"{one.software} stays as it is: {error.message} ({one.folder})")
        plain = [replace(one, version="", hosts=()) for one in before]
        if len(trees) == len(before) and [now[tree] for tree in trees] != plain:
            changed.append((host, trees))
    for text in sorted(gone):
        progress(text)
    got = [host.service for host, _ in changed]
    if got:
        progress(f"putting what has changed in working trees on {', '.join(got)}")
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for done in [
                threads.submit(put, lab, host, trees, [now[tree] for tree in trees])
                for host, trees in changed
            ]:
                done.result()
    for name in got if restart else ():
        if {"hub", "proxy"} & {*lab.host(name).roles}:
            progress(f"restarting the {programs.program_of(lab, name)}")
            programs.kill_and_start(lab, name)
    return got


def recorded(source: Source) -> Checkout:
    """The working tree from which a lab has its own. Raises UsageError where it is gone."""
    return checkout_in(BY_NAME[source.software], Path(source.folder))


def put(lab: Lab, host: Container, trees: list[Checkout], sources: list[Source]) -> None:
    """Lay working trees over what a host has. Raises UsageError for one that does not start."""
    folder = f"tmp/hublab-source-{secrets.token_hex(3)}"
    files = [
        File(f"{folder}/{name}", content, mode=mode)
        for name, (content, mode) in staged(trees, sources, host.roles).items()
    ]
    lab.engine.put_files(host.id, "/", files)
    try:
        done = lab.run(host.service, "sh", f"/{folder}/apply", f"/{folder}")
    finally:
        lab.run(host.service, "rm", "-rf", f"/{folder}")
    if done.exit_code:
        lines = done.stderr.splitlines()
        raise cannot_start(lines, trees) or LabError(
            f"could not lay the working tree over {host.service}: {done.stderr.strip()[-2000:]}"
        )
