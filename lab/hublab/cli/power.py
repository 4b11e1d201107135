"""`hublab restart`, `kill` and `start`: the program of a host, or the whole host."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

import click

from hublab.cli.common import common, find, open_journal, out, steps
from hublab.cli.complete import hosts
from hublab.cli.json_output import emit
from hublab.deployment.refresh import refresh
from hublab.engine.power import kill_container, start_container
from hublab.errors import LabError, UsageError
from hublab.journal.events import HostPower
from hublab.running import programs
from hublab.running.host_programs import HostPrograms
from hublab.running.lab import Lab
from hublab.running.losses import Losses, losses, standing
from hublab.running.readiness import wait_until_listening

PATIENCE = 20.0
"""Seconds in which what got a signal ends: as long as `programs.stop` gives it."""
POLL = 0.1
BRIEFLY = 1.0
"""Seconds for SIGHUP, at which most programs go on."""
SIGNALS = ("KILL", "TERM", "INT", "HUP")

container_option = click.option(
    "--container", is_flag=True, help="The whole host with all it runs, as by a loss of power."
)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to a host, in words, and what that cost."""

    host: str
    what: str
    seconds: float
    lost: Losses | None = None


@click.command()
@click.argument("host", shell_complete=hosts)
@container_option
@click.option("--gently", is_flag=True, help="End the program by SIGTERM, as a service manager.")
@common
def restart(host: str, container: bool, gently: bool, name: str, as_json: bool) -> None:
    """Restart HOST or its program, and tell what was lost.

    The program gets SIGKILL and is started again. With --gently it gets SIGTERM, at which a hub
    stops every server unless JupyterHub.cleanup_servers is false. Returns when it is ready.

    In a lab with working trees (`up --hub-source`) it gets what has changed there.

    \b
    Examples:
      hublab restart proxy
      hublab restart hub --gently
      hublab restart node1 --container
    """
    if container and gently:
        raise UsageError("--gently is for a program; a container loses its power")

    async def work(lab: Lab) -> str:
        if container:
            await asyncio.to_thread(end_container, lab, host, "KILL")
            await power_on(lab, host)
            return f"restarted {host}"
        if gently:
            await HostPrograms(lab).stop(host)
            await start_program(lab, host)
        else:
            await HostPrograms(lab).restart(host)
        return f"restarted {programs.program_of(lab, host)} on {host}"

    lab = find(name)
    lab.host(host)
    refresh(lab, steps(), restart=False)
    report(lab, "restart", carried_out(lab, host, work, container=container), as_json)


@click.command()
@click.argument("host", shell_complete=hosts)
@container_option
@click.option("--signal", type=click.Choice(SIGNALS), default="KILL", show_default=True)
@common
def kill(host: str, container: bool, signal: str, name: str, as_json: bool) -> None:
    """Kill HOST or its program, and tell what was lost.

    It stays down until `hublab start`, `restart` or `up`.

    \b
    Examples:
      hublab kill proxy
      hublab kill hub --signal TERM
      hublab kill node1 --container
    """

    async def work(lab: Lab) -> str:
        if container:
            ended = await asyncio.to_thread(end_container, lab, host, signal)
            return f"killed {host}" if ended else f"{host} got SIG{signal}, and still runs"
        ended = await asyncio.to_thread(end_program, lab, host, signal)
        program = f"{programs.program_of(lab, host)} on {host}"
        return f"killed {program}" if ended else f"{program} got SIG{signal}, and still runs"

    lab = find(name)
    report(lab, "kill", carried_out(lab, host, work, container=container), as_json)


@click.command()
@click.argument("host", shell_complete=hosts)
@common
def start(host: str, name: str, as_json: bool) -> None:
    """Start HOST or its program, where that does not run.

    Returns when the program is ready. One that runs stays as it is.

    \b
    Examples:
      hublab start proxy
      hublab start node1
    """
    lab = find(name)
    begun = time.monotonic()
    what = asyncio.run(started(lab, host))
    report(lab, "start", Done(host, what, time.monotonic() - begun), as_json)


async def started(lab: Lab, host: str) -> str:
    """Start what does not run; returns what that was, in words."""
    if (state := lab.host(host).state) == "paused":
        raise LabError(f"{host} is frozen", hint="the fault that froze it thaws it")
    if state != "running":
        await power_on(lab, host)
        return f"started {host}"
    program = programs.program_of(lab, host)
    if (await HostPrograms(lab).status(host)).up:
        return f"{program} on {host} runs already"
    await start_program(lab, host)
    return f"started {program} on {host}"


async def start_program(lab: Lab, host: str) -> None:
    """Start a host's program, and wait until it is ready."""
    await asyncio.to_thread(programs.end_what_the_hub_left, lab, host)
    await HostPrograms(lab).start(host)
    await HostPrograms(lab).until_ready(host)


async def power_on(lab: Lab, host: str) -> None:
    """Start a container, and wait until its program listens, where it has one."""
    container = lab.host(host)
    await asyncio.to_thread(start_container, lab.engine, container.id)
    if programs.is_supervised(container):
        await wait_until_listening(lab, host)


def end_container(lab: Lab, host: str, signal: str) -> bool:
    """Send a container a signal; returns whether it has ended within PATIENCE."""
    container = lab.host(host)
    if container.state not in ("running", "paused"):
        raise lab.host_down(host, container.state)
    kill_container(lab.engine, container.id, signal)
    end = time.monotonic() + (BRIEFLY if signal == "HUP" else PATIENCE)
    while time.monotonic() < end:
        states = {one.id: one.state for one in lab.engine.containers(lab.name)}
        if states.get(container.id) not in ("running", "paused"):
            return True
        time.sleep(POLL)
    return False


def end_program(lab: Lab, host: str, signal: str) -> bool:
    """Send a host's program a signal; returns whether it has ended within PATIENCE."""
    before = programs.status(lab, host).pid
    programs.kill(lab, host, signal)
    end = time.monotonic() + (BRIEFLY if signal == "HUP" else PATIENCE)
    while time.monotonic() < end:
        if programs.status(lab, host).pid != before:
            return True
        time.sleep(POLL)
    return False


def carried_out(
    lab: Lab, host: str, work: Callable[[Lab], Awaitable[str]], *, container: bool
) -> Done:
    """Do something to a host, and compare what the lab had before and after."""
    is_hub = "hub" in lab.host(host).roles

    async def run() -> Done:
        before = await standing(lab)
        begun = time.monotonic()
        what = await work(lab)
        seconds = time.monotonic() - begun
        now = Lab.find(lab.name, lab.engine)
        after = await standing(now, before)
        lost = losses(before, after, host, hub=is_hub, container=container)
        return Done(host, what, seconds, lost)

    return asyncio.run(run())


def record(lab: Lab, verb: str, done: Done) -> None:
    """Write what was done into a journal of the lab."""
    lost = asdict(done.lost) if done.lost else None
    event = HostPower(lab.name, done.host, verb, done.what, round(done.seconds, 3), lost)
    with open_journal(lab, verb) as journal:
        journal.write(event)


def report(lab: Lab, verb: str, done: Done, as_json: bool) -> None:
    """Record and print what was done, and what was lost by it."""
    record(lab, verb, done)
    if as_json:
        lost = asdict(done.lost) if done.lost else None
        emit(
            {"host": done.host, "done": done.what, "seconds": round(done.seconds, 3), "lost": lost}
        )
        return
    out.print(f"{done.what} ({done.seconds:.1f} s)", markup=False)
    for line in done.lost.in_words(lab.name_option) if done.lost else ():
        out.print(line, markup=False)
