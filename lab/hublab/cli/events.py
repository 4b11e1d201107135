"""`hublab events`: everything that happens in a lab, as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import json

import click

from hublab.cli.common import err, name_option, with_live
from hublab.cli.fault import Duration
from hublab.probes.events import watch_events
from hublab.running.live import LiveLab


@click.command()
@click.option("--for", "seconds", type=Duration(), metavar="TIME", help="End after 6s, 500ms, 2m.")
@click.option("--no-logs", is_flag=True, help="Leave the hosts' logs out.")
@click.option(
    "--json", is_flag=True, expose_value=False, help="The default already: one object a line."
)
@name_option
def events(seconds: float | None, no_logs: bool, name: str) -> None:
    """Print what happens in the lab, as it happens.

    Each event is a line with one JSON object. It has `at` (the engine's clock) and `source`:
    container, log, route or server; and hub or proxy, when that stops answering or answers again.
    Routes and servers are polled twice a second. Ctrl-C ends it with exit code 0.

    \b
    Examples:
      hublab events
      hublab events --for 10s --no-logs
      hublab events | jq 'select(.source == "route")'
    """

    async def work(live: LiveLab) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), watch_events(live) as lines:
                err.print(f"watching lab {name}; Ctrl-C ends it", markup=False)
                async for line in lines:
                    if not (no_logs and line["source"] == "log"):
                        click.echo(json.dumps(line, ensure_ascii=False))

    with contextlib.suppress(KeyboardInterrupt):
        with_live(name, work)
