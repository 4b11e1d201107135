"""When a lab, or a part of it that was restarted, is ready: asked, never slept for."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp

from hublab.errors import EngineError, LabError, Undecided, in_words
from hublab.running import programs
from hublab.running.channel import Channel
from hublab.running.hub_log import HubRun, hub_run
from hublab.running.lab import PROXY_PORT, Lab
from hublab.settings.files import READ_AT_START, ROLE_OF_SCOPE
from hublab.settings.values import NO_SETTINGS

POLL = 0.02
"""Seconds between two looks: a fraction of what a forked hub needs to start."""
LOOK = 2.0
"""Seconds between two looks at the processes, each of which costs two commands on hosts."""
UNSERVED = 5.0
"""Seconds for which a hub that runs may be silent, until its settings are to blame: many times what
it takes from its last line of log to its first answer."""
END_LOGGED = 2.0
"""Seconds within which the end of a program is in its log; it takes a fraction of one."""
END_RECORDED = 3.0
"""Seconds within which the engine records the end of a host after it first refuses connections."""
LOOK_SOON = 0.25
"""The same while the hub's log says that it has ended."""


class ProgramEnded(LabError):
    """The hub or the proxy ended by itself, as a setting that it refuses makes it do."""

    exit_code = 1

    def __init__(self, lab: Lab, role: str, host: str, state: programs.Status, log: str) -> None:
        words = "\n    ".join(log.strip().splitlines()[-15:])
        super().__init__(
            f"the {role} ended with {state.end}; its last words:\n    {words}",
            where=host,
            hint=remedy(lab, host),
        )
        self.role = role
        self.host = host
        self.code = state.exit_code
        self.log = log


class Unserved(LabError):
    """The hub runs with the lab's settings, and does not answer through the proxy."""


def remedy(lab: Lab, host: str) -> str | None:
    """The command that most likely starts the program of a host again: it names the settings.

    That is those which have not held since they were set; where there are none, all that the
    program reads.
    """
    try:
        settings, due = lab.case()
    except EngineError:  # the caller reports the end of the program
        return None
    scopes = [scope for scope in READ_AT_START if ROLE_OF_SCOPE[scope] in lab.host(host).roles]
    read = [key for key in settings if key.partition(".")[0] in scopes]
    keys = [key for key in read if key in due] or read
    if keys:
        return f"`hublab unset {' '.join(keys)}{lab.name_option}` if it refuses what was set"
    return f"`hublab up{lab.name_option}` starts it again"


async def wait_until_running(lab: Lab, timeout: float = 60) -> None:
    """Wait until the hub says that it is running, whether or not anybody can reach it.

    A case may cut the hub off on purpose, so nothing is asked over the network. Raises
    ProgramEnded as soon as the hub's program has, LabError after the timeout (seconds).
    """
    begun = looked = time.monotonic()
    while not (run := await asyncio.to_thread(hub_run, lab)).running:
        looked = await look_if_due(lab, run, looked)
        if time.monotonic() - begun > timeout:
            raise LabError(
                f"the hub did not say that it is running within {timeout:.0f} s; "
                f"{last_words(lab, 'hub')}",
                where=lab.one("hub").service,
            )
        await asyncio.sleep(POLL)


async def wait_until_listening(lab: Lab, host: str, timeout: float = 60) -> None:
    """Wait until the program of a host, that was just started, listens for connections.

    Raises ProgramEnded when it has ended instead, LabError after the timeout (seconds).
    """
    end = time.monotonic() + timeout
    while True:
        state = await asyncio.to_thread(programs.status, lab, host)
        if state.ended:
            program = programs.program_of(lab, host)
            words = await asyncio.to_thread(last_run, lab, host, program, state)
            raise ProgramEnded(lab, program, host, state, words)
        if state.pid and await asyncio.to_thread(programs.listens, lab, host, state.pid):
            return
        if time.monotonic() > end:
            raise LabError(f"{host} did not listen within {timeout:g} s after its restart")
        await asyncio.sleep(POLL)


async def wait_until_ended(lab: Lab, host: str, timeout: float) -> None:
    """Wait until the program of a host has ended. Raises Undecided after the timeout (seconds)."""
    end = time.monotonic() + timeout
    while not (await asyncio.to_thread(programs.status, lab, host)).ended:
        if time.monotonic() > end:
            program = programs.program_of(lab, host)
            raise Undecided(f"the {program} did not end within {timeout:g} s", where=host)
        await asyncio.sleep(POLL)


async def wait_for_hub(
    lab: Lab, channel: Channel, repair: Callable[[], Awaitable[None]], timeout: float = 60
) -> None:
    """Wait until the hub answers through the proxy.

    `repair` is called, once, when the hub runs and the proxy has no route to it.

    Raises LabError as soon as the hub or proxy program has ended, with its last words, and
    after the timeout with the last output of each. Raises Unserved, much earlier, for a hub that
    runs with settings of the lab's user.
    """
    begun = looked = time.monotonic()
    silent_since = 0.0
    url = f"http://{lab.one('proxy').service}:{PROXY_PORT}"
    last = "nothing was asked yet"
    repaired = False
    async with channel.session(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while time.monotonic() - begun < timeout:
            # The log is a line behind the socket, so both are asked.
            run = await asyncio.to_thread(hub_run, lab)
            if run.running:
                try:
                    async with session.get(f"{url}{run.prefix}api") as answer:
                        if answer.status == 200:
                            await asyncio.to_thread(fail_if_host_ended, lab)
                            return
                        last = f"the proxy answered {answer.status} for {run.prefix}api"
                    # The hub has that path, so it is the proxy that does not find it.
                    if answer.status == 404 and not repaired:
                        repaired = True
                        await repair()
                except (aiohttp.ClientError, TimeoutError) as error:
                    last = f"the proxy did not answer: {in_words(error)}"
                silent_since = silent_since or time.monotonic()
                long = time.monotonic() - silent_since > UNSERVED
                if long and await asyncio.to_thread(lab.case) != (NO_SETTINGS, ()):
                    raise Unserved(f"the hub runs, and {last}", where=f"{url}{run.prefix}api")
            else:
                silent_since = 0.0
                last = "the hub has not said that it is running"
            looked = await look_if_due(lab, run, looked)
            await asyncio.sleep(POLL)
    raise LabError(
        f"the hub did not answer through the proxy within {timeout:.0f} s: {last}; "
        f"{last_words(lab, 'hub')}",
        where=f"{url}/hub/api, asked from {lab.one('client').service}",
        hint="`hublab reach` says which hop is broken; `hublab logs hub` what the hub said",
    )


async def look_if_due(lab: Lab, run: HubRun, looked: float) -> float:
    """Have `fail_if_ended` look, if it last did so long ago; returns when it last looked."""
    if time.monotonic() - looked < (LOOK_SOON if run.ended else LOOK):
        return looked
    await asyncio.to_thread(fail_if_ended, lab)
    return time.monotonic()


def fail_if_host_ended(lab: Lab) -> None:
    """Raise LabError when a host of the lab does not run any more, with its last words."""
    # By id: a container that checks settings bears its image's labels, a host's service too.
    hosts = {host.id for host in lab.hosts.values()}
    for now in lab.engine.containers(lab.name):
        if now.id in hosts and now.state == "exited":
            words = "\n    ".join(lab.engine.logs(now.id, tail=15).strip().splitlines())
            raise LabError(
                f"the host {now.service} ended with exit code {now.exit_code}; "
                f"its last words:\n    {words}",
                where=now.name,
            )


@contextlib.asynccontextmanager
async def ended_hosts_told(lab: Lab) -> AsyncIterator[None]:
    """Raise LabError with a host's last words, where something failed because the host ended."""
    try:
        yield
    except ProgramEnded:
        raise
    except (EngineError, LabError):
        last_look = time.monotonic() + END_RECORDED
        while time.monotonic() < last_look:
            await asyncio.to_thread(fail_if_host_ended, lab)
            await asyncio.sleep(POLL)
        raise


def fail_if_ended(lab: Lab) -> None:
    """Raise LabError when a host, ProgramEnded when hub or proxy in theirs, ended by itself."""
    fail_if_host_ended(lab)
    for role in ("hub", "proxy"):
        host = lab.one(role).service
        state = programs.status(lab, host)
        if state.ended:
            raise ProgramEnded(lab, role, host, state, last_run(lab, host, role, state))


def last_run(lab: Lab, host: str, program: str, state: programs.Status) -> str:
    """What a program said in its last run, which has ended so.

    The engine gets the lines a moment after the program wrote them, that of its end last: see
    compose/images/finish. Without that line, what there is after END_LOGGED seconds.
    """
    end = "by signal" if state.signal else f", exit code {state.exit_code}"
    last_look = time.monotonic() + END_LOGGED
    while True:
        log = lab.engine.logs(lab.host(host).id, tail=2000)
        *_, last = ["", *log.splitlines()]
        ended = re.match(rf"hublab: {program} ended ?{end}(?!\d)", last)
        if ended or time.monotonic() > last_look:
            runs = re.split(rf"^hublab: {program} ended.*$", log, flags=re.MULTILINE)
            return runs[-2] if ended else runs[-1]
        time.sleep(POLL)


def last_words(lab: Lab, role: str) -> str:
    """The end of a host's log, indented below the message that it explains."""
    words = lab.engine.logs(lab.one(role).id, tail=15).strip().splitlines()
    return f"the {role}'s last words:\n    " + "\n    ".join(words)
