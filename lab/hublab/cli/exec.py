"""`hublab exec` and `hublab shell`: commands on a host, by the docker command itself."""

from __future__ import annotations

import os
import sys

import click

from hublab.cli.common import find, name_option
from hublab.errors import LabError


@click.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--user", "-u", default="", help="The account to run it as. Default: root.")
@name_option
def exec_command(host: str, command: tuple[str, ...], user: str, name: str) -> None:
    """Run COMMAND on HOST: `hublab exec node1 -- ps aux`. Its exit code is ours.

    \b
    Examples:
      hublab exec node1 -- ps aux
      hublab exec node1 --user alice -- env
    """
    on_host(name, host, command, user)


@click.command("shell")
@click.argument("host")
@click.option("--user", "-u", default="", help="The account to be. Default: root.")
@name_option
def shell_command(host: str, user: str, name: str) -> None:
    """Open a shell on HOST.

    \b
    Examples:
      hublab shell hub
    """
    on_host(name, host, ("sh", "-c", "exec $(command -v bash || echo sh)"), user)


def on_host(name: str, host: str, command: tuple[str, ...], user: str) -> None:
    """Become `docker exec`: it knows terminals, signals and exit codes."""
    container = find(name).host(host)
    if container.state != "running":
        raise LabError(f"{host} is {container.state}", right="`hublab up` starts it again")
    terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    account = ["--user", user] if user else []
    argv = ["docker", "exec", "--interactive", *terminal, *account, container.id, *command]
    os.execvp("docker", argv)
