"""`hublab websocket`: opens a WebSocket from the client host through the proxy."""

from __future__ import annotations

import base64
from typing import Any

import click

from hublab.cli.common import common, with_live
from hublab.cli.fault import Duration
from hublab.cli.json_output import emit
from hublab.cli.request_options import (
    by_name,
    check_request_options,
    header_pairs,
    redactor,
    request_options,
)
from hublab.journal.redaction import Redactor
from hublab.probes.credentials import credentials
from hublab.probes.http import Ask
from hublab.probes.websocket import Conversation, Frame, converse
from hublab.running.live import LiveLab


@click.command()
@request_options
@click.option("--send", "say", multiple=True, metavar="TEXT", help="Send a message; repeatable.")
@click.option(
    "--frames",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="End after N messages.",
)
@click.option(
    "--for",
    "seconds",
    type=Duration(),
    default="5s",
    show_default=True,
    metavar="TIME",
    help="End after this time.",
)
@common
def websocket(
    path: str,
    user: str | None,
    token: bool,
    enter: str | None,
    headers: tuple[str, ...],
    origin: str | None,
    say: tuple[str, ...],
    frames: int,
    seconds: float,
    name: str,
    as_json: bool,
) -> None:
    """Open a WebSocket from the client through the proxy.

    Shows the response to the upgrade, and the first messages. A refused upgrade gives exit code 0
    too; no response gives 2.

    \b
    Examples:
      hublab websocket /user/alice/api/events/subscribe --as alice --token
      hublab websocket /user/alice/api/events/subscribe --as alice --enter \\
          --origin http://app.lab
      hublab websocket /user/alice/terminals/websocket/1 --as alice --token --for 2s
    """
    check_request_options(user, token, enter)
    pairs = header_pairs(headers, origin)
    Ask(path, headers=pairs).check()

    async def work(live: LiveLab) -> tuple[Conversation, Redactor]:
        async with credentials(live, user, token=token, server=enter) as identity:
            seen = await converse(
                live, path, pairs, identity, say=say, frames=frames, seconds=seconds
            )
            return seen, redactor(live, identity)

    seen, hide = with_live(name, work)
    if as_json:
        emit(as_data(seen, hide))
    else:
        show(seen, hide)


def as_data(seen: Conversation, hide: Redactor) -> dict[str, Any]:
    """A conversation in the form of `--json`; binary messages in Base64."""
    return {
        "status": seen.status,
        "url": hide.text(seen.url),
        "headers": by_name(hide.headers(seen.headers)),
        "frames": [
            {"t": frame.t, "kind": frame.kind, "data": data_of(frame, hide)}
            for frame in seen.frames
        ],
        "closed": seen.closed,
    }


def data_of(frame: Frame, hide: Redactor) -> str:
    """A message as text."""
    if isinstance(frame.data, bytes):
        return base64.b64encode(frame.data).decode()
    return hide.text(frame.data)


def show(seen: Conversation, hide: Redactor) -> None:
    """Print the response to the upgrade, then a line for each message."""
    click.echo(f"{seen.status} GET {hide.text(seen.url)}", err=True)
    click.echo(f"HTTP/1.1 {seen.status}")
    for name, value in hide.headers(seen.headers):
        click.echo(f"{name}: {value}")
    click.echo()
    for frame in seen.frames:
        click.echo(f"{frame.t:.3f} s  {frame.kind}  {data_of(frame, hide)}")
    if seen.closed is not None:
        click.echo(f"closed by the other side with {seen.closed}", err=True)
