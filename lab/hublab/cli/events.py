"""`hublab events`: everything that happens in a lab, as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import click

from hublab.cli.common import common, err, with_live
from hublab.cli.event_words import in_words, is_poll
from hublab.cli.fault import Duration
from hublab.probes.events import watch_events
from hublab.running.live import LiveLab


@click.command()
@click.option("--for", "seconds", type=Duration(), metavar="TIME", help="End after 6s, 500ms, 2m.")
@click.option("--no-logs", is_flag=True, help="Leave the hosts' logs out.")
@click.option(
    "--all", "everything", is_flag=True, help="Also what hublab's own questions leave in the logs."
)
@common
def events(
    seconds: float | None, no_logs: bool, everything: bool, name: str, as_json: bool
) -> None:
    """Print what happens in the lab, as it happens.

    A line has the time (the engine's clock), the host, and what it logged or what happened to it:
    a container starts or ends, a route of the proxy or a server comes or goes, hub or proxy stops
    answering. Routes and servers are asked for twice a second; these questions, and those of other
    hublab commands, are left out of the logs, but for --all.

    With --json each line is an object with `at` and `source`: container, log, route or server; and
    hub or proxy, when that stops answering or answers again. It leaves out this command's own
    questions alone. Ctrl-C ends it with exit code 0.

    \b
    Examples:
      hublab events
      hublab events --for 10s --no-logs
      hublab events --json | jq 'select(.source == "route")'
    """

    async def work(live: LiveLab) -> None:
        hosts = live.lab.hosts
        width = max(map(len, (*hosts, "server")))

        def show(line: dict[str, Any]) -> None:
            known = hosts.get(str(line.get("host")))
            if as_json:
                click.echo(json.dumps(line, ensure_ascii=False))
            elif everything or not is_poll(line, known.roles if known else ()):
                click.echo(in_words(line, width))

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), watch_events(live, own=everything) as lines:
                err.print(f"watching lab {name}; Ctrl-C ends it", markup=False)
                async for line in lines:
                    if not (no_logs and line["source"] == "log"):
                        show(line)

    with contextlib.suppress(KeyboardInterrupt):
        with_live(name, work)
