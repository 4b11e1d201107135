"""`hublab logs`: what a host's program printed."""

from __future__ import annotations

import click

from hublab.cli.common import emit, find, json_option, name_option


@click.command()
@click.argument("host")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@name_option
@json_option
def logs(host: str, follow: bool, tail: int | None, name: str, as_json: bool) -> None:
    """Print the log of HOST.

    \b
    Examples:
      hublab logs hub --tail 20
      hublab logs proxy --follow
    """
    lab = find(name)
    container = lab.host(host)
    if follow:
        for piece in lab.engine.follow_logs(container.id, tail=tail):
            click.echo(piece, nl=False)
        return
    text = lab.engine.logs(container.id, tail=tail)
    if as_json:
        emit({"host": host, "lines": text.splitlines()})
    else:
        click.echo(text, nl=False)
