"""`hublab cell`: runs a cell in a kernel of a user's server, through the proxy."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict

import click

from hublab.cli.common import common, server_option, with_live
from hublab.cli.complete import users
from hublab.cli.json_output import emit
from hublab.errors import ExpectationFailed
from hublab.running.kernel import CellResult
from hublab.running.live import LiveLab


def check_timeout(ctx: click.Context, param: click.Parameter, value: float) -> float:
    """Refuse a timeout that is not positive or not finite; `nan` fails both comparisons."""
    if not 0 < value < math.inf:
        raise click.BadParameter(f"{value:g} is not a positive, finite number of seconds; hint: 60")
    return value


@click.command()
@click.argument("user", shell_complete=users)
@click.argument("code")
@server_option
@click.option(
    "--timeout",
    default=60.0,
    show_default=True,
    callback=check_timeout,
    help="Seconds to wait for the cell.",
)
@common
def cell(user: str, code: str, server: str, timeout: float, name: str, as_json: bool) -> None:
    """Run CODE in a new kernel of USER's server.

    From the client host, USER signs in by the hub's form, and the kernel's WebSocket carries the
    cell through the proxy. With `-` as CODE the cell is read from stdin. Exit code 1 when the cell
    raised an exception.

    \b
    Examples:
      hublab cell alice 'import socket; socket.gethostname()'
      hublab cell alice - < cell.py
    """
    text = sys.stdin.read() if code == "-" else code

    async def work(live: LiveLab) -> CellResult:
        async with await live.sign_in(user) as visitor:
            await visitor.open_server(server)
            async with visitor.kernel(server) as kernel:
                return await kernel.run(text, timeout)

    result = with_live(name, work)
    if as_json:
        emit({**asdict(result), "seconds": round(result.seconds, 3)})
    else:
        show_cell(result)
    if result.error:
        raise ExpectationFailed(f"the cell raised {result.error}", where=f"{user}'s kernel")


def show_cell(result: CellResult) -> None:
    """Print a cell's streams to ours, and its value."""
    click.echo(result.stdout, nl=False)
    click.echo(result.stderr, nl=False, err=True)
    if result.result is not None:
        click.echo(result.result)
    sys.stdout.flush()
