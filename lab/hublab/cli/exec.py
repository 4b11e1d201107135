"""`hublab exec` and `hublab shell`: run commands on a host, by `docker exec`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid

import click

from hublab.cli.common import find, name_option
from hublab.cli.complete import hosts

MARK = "HUBLAB_EXEC"
"""The environment variable that marks the processes of one command on the host."""
END = """
for one in /proc/[0-9]*; do
    if tr '\\0' '\\n' < "$one/environ" | grep -qx "$1"; then kill "${one#/proc/}"; fi
done 2> /dev/null
"""


@click.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("host", shell_complete=hosts)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--user", "-u", default="", help="The account to run it as. Default: root.")
@name_option
def exec_command(host: str, command: tuple[str, ...], user: str, name: str) -> None:
    """Run COMMAND on HOST, and exit with its exit code.

    \b
    Examples:
      hublab exec node1 -- ps aux
      hublab exec node1 --user alice -- env
    """
    on_host(name, host, command, user)


@click.command("shell")
@click.argument("host", shell_complete=hosts)
@click.option("--user", "-u", default="", help="The account to run it as. Default: root.")
@name_option
def shell_command(host: str, user: str, name: str) -> None:
    """Open a shell on HOST.

    \b
    Examples:
      hublab shell hub
    """
    on_host(name, host, ("sh", "-c", "exec $(command -v bash || echo sh)"), user)


def on_host(name: str, host: str, command: tuple[str, ...], user: str) -> None:
    """Run `docker exec` on a host, and exit with its exit code.

    With a terminal, Ctrl-C reaches the command on the host. Without one, docker exits with 0 at
    once and leaves the command running (docker/cli#2607), so this function ends the command.
    """
    lab = find(name)
    container = lab.host(host)
    if container.state != "running":
        raise lab.host_down(host, container.state)
    run = ["docker", "exec", "--interactive", *(["--user", user] if user else [])]
    if sys.stdin.isatty() and sys.stdout.isatty():
        os.execvp("docker", [*run, "--tty", container.id, *command])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    mark = f"{MARK}={uuid.uuid4().hex}"
    process = subprocess.Popen([*run, "--env", mark, container.id, *command])
    try:
        sys.exit(process.wait())
    except KeyboardInterrupt:
        end = [*run, container.id, "sh", "-c", END, "-", mark]
        subprocess.run(end, stdin=subprocess.DEVNULL, check=False)
        raise
