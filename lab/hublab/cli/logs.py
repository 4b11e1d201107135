"""`hublab logs`: prints the log of a host."""

from __future__ import annotations

import click

from hublab.cli.common import find, name_option
from hublab.cli.json_output import emit, json_option


@click.command()
@click.argument("host")
@click.option("--follow", "-f", is_flag=True, help="Go on printing new lines, until Ctrl-C.")
@click.option(
    "--tail", type=click.IntRange(min=0), metavar="N", help="Print only the last N lines."
)
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
