"""`hublab logs`: prints logs of hosts, and of single-user servers."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

import click

from hublab.cli.common import err, find, name_option
from hublab.cli.complete import hosts_and_users
from hublab.cli.exec import on_host
from hublab.cli.json_output import emit, json_option
from hublab.engine.streams import Stream, watch_log
from hublab.errors import NoSuchHost, UsageError
from hublab.journal.redaction import Redactor
from hublab.running.lab import Lab
from hublab.running.log_lines import Line, host_lines, in_columns, on_one_clock, server_lines
from hublab.running.server_log import RUN_DIRS, ServerLog, logs_anywhere
from hublab.running.sign_in import users_of


@dataclass(frozen=True, slots=True)
class Source:
    """What a name on the command line means: a host, or the newest start of a user's server."""

    name: str
    log: ServerLog | None = None


@click.command()
@click.argument(
    "names", nargs=-1, metavar="[HOST|USER[/SERVER]]...", shell_complete=hosts_and_users
)
@click.option("--follow", "-f", is_flag=True, help="Go on printing new lines, until Ctrl-C.")
@click.option(
    "--tail", type=click.IntRange(min=0), metavar="N", help="Print only the last N lines."
)
@name_option
@json_option
def logs(names: tuple[str, ...], follow: bool, tail: int | None, name: str, as_json: bool) -> None:
    """Print logs of hosts, and of single-user servers.

    USER is the newest default server of that user, USER/SERVER a named one, also if it has ended or
    never got ready. USER/ is a user who is called like a host. Several logs, or all hosts' where
    none is named, are printed on one clock: the engine's for hosts, a server's own for its log.

    \b
    Examples:
      hublab logs hub --tail 20
      hublab logs proxy --follow
      hublab logs alice
      hublab logs alice/analysis
      hublab logs hub proxy alice --tail 50
    """
    lab = find(name)
    sources = [source_of(lab, one) for one in dict.fromkeys(names or lab.hosts)]
    if follow:
        follow_logs(lab, sources, tail)
    elif len(sources) > 1:
        lines = on_one_clock((lines_of(lab, source, tail) for source in sources), tail)
        if as_json:
            emit({"lines": [asdict(line) for line in lines]})
        else:
            for line in in_columns(lines, width_of(sources)):
                click.echo(line)
    elif (log := sources[0].log) is None:
        show_host(lab, sources[0].name, tail, as_json)
    else:
        show_server(log, tail, as_json)


def source_of(lab: Lab, name: str) -> Source:
    """What is meant by a name. Raises NoSuchHost or UsageError, naming what there is."""
    if name in lab.hosts:
        return Source(name)
    user, _, server = name.partition("/")
    users = users_of(lab)
    found = logs_anywhere(lab, user)
    if not found and user not in users:
        raise NoSuchHost(
            f"lab {lab.name} has no host or user {user}",
            hint=f"one of {', '.join((*lab.hosts, *users))}",
        )
    matching = [log for log in found if log.server == server]
    if not matching:
        others = ", ".join(dict.fromkeys(log.label for log in found))
        which = f"server named {server}" if server else "default server"
        raise UsageError(
            f"no node has a log of a {which} of {user}",
            hint=f"there is {others}" if others else nothing_found(lab, user),
        )
    return Source(matching[-1].label, matching[-1])


def nothing_found(lab: Lab, user: str) -> str:
    """What to do where no node has a log of the user; it says where the nodes were searched."""
    settings = lab.settings()
    folders = " and ".join(str(settings.get(key, usual)) for key, usual in RUN_DIRS.items())
    return (
        f"`hublab spawn {user}{lab.name_option}`\n"
        f"searched in {folders}; a run_dir of your own --hub-config is not known here: "
        "give it by `hublab set hub.SSHSpawner.run_dir=…` as well"
    )


def lines_of(lab: Lab, source: Source, tail: int | None) -> list[Line]:
    """The lines of one log with their times."""
    if (log := source.log) is not None:
        return server_lines(source.name, shown(log), log.begun)
    text = lab.engine.logs(lab.host(source.name).id, tail=tail, timestamps=True)
    return host_lines(source.name, text)


def shown(log: ServerLog) -> str:
    """A server's log as it is printed: what a user's code wrote there may hold a token."""
    return Redactor(()).text(log.text)


def show_host(lab: Lab, host: str, tail: int | None, as_json: bool) -> None:
    """Print one host's log as its programs wrote it."""
    text = lab.engine.logs(lab.host(host).id, tail=tail)
    if as_json:
        emit({"host": host, "lines": text.splitlines()})
    else:
        click.echo(text, nl=False)


def show_server(log: ServerLog, tail: int | None, as_json: bool) -> None:
    """Print the log of one start of a server."""
    lines = shown(log).splitlines()
    lines = lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]
    if as_json:
        where = {"user": log.user, "server": log.server, "host": log.host, "path": log.path}
        emit({**where, "lines": lines})
        return
    begun = time.strftime("%H:%M:%S UTC", time.gmtime(log.begun))
    err.print(f"{log.host}:{log.path}, of the start at {begun}", markup=False)
    for line in lines:
        click.echo(line)


def follow_logs(lab: Lab, sources: list[Source], tail: int | None) -> None:
    """Print logs as they grow: one as it is, several with time and source."""
    begun = [source.log for source in sources if source.log is not None]
    if begun and len(sources) > 1:
        raise UsageError(
            f"{begun[0].label} cannot be followed together with other logs",
            hint="follow it alone, or hosts alone",
        )
    if begun:
        last = "+1" if tail is None else str(tail)
        on_host(lab.name, begun[0].host, ("tail", "-n", last, "-F", begun[0].path), begun[0].user)
    elif len(sources) == 1:
        for piece in lab.engine.follow_logs(lab.host(sources[0].name).id, tail=tail):
            click.echo(piece, nl=False)
    else:
        follow_hosts(lab, sources, tail)


def follow_hosts(lab: Lab, sources: list[Source], tail: int | None) -> None:
    """Print what hosts have logged, on one clock, and then each line as it comes."""
    begun = time.time()
    width = width_of(sources)
    past = on_one_clock((lines_of(lab, source, tail) for source in sources), tail)
    last = {line.source: line.at for line in past}
    for text in in_columns(past, width):
        click.echo(text)
    lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
    streams = [watch_log(lab.engine, lab.host(one.name).id, begun - 1) for one in sources]
    for source, stream in zip(sources, streams, strict=True):
        argv: Any = (source.name, stream, lines)
        threading.Thread(target=pass_on, args=argv, daemon=True).start()
    ended = 0
    while ended < len(streams):
        if (line := lines.get()) is None:
            ended += 1
        elif line.at > last.get(line.source, ""):
            click.echo("".join(in_columns([line], width)))


def pass_on(host: str, stream: Stream, lines: queue.SimpleQueue[Line | None]) -> None:
    """Put each line of a host's log into the queue, and None at the log's end."""
    try:
        for piece in stream:
            for line in host_lines(host, piece.decode(errors="replace")):
                lines.put(line)
    finally:
        lines.put(None)


def width_of(sources: list[Source]) -> int:
    """Columns of the longest name."""
    return max(len(source.name) for source in sources)
