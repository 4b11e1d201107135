"""The second act of `hublab demo`: one wrong setting, what two users see, and what is to blame.

`hub_connect_ip` says at which address others reach the hub. With 127.0.0.1 each host looks for the
hub on itself, which is right on one machine only (JupyterHub's documentation, "Configuring the
networking of JupyterHub").
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from hublab.cli.common import out
from hublab.diagnosis.reach import HopDiagnosis, diagnose
from hublab.errors import HubError
from hublab.guard.lease import Guard
from hublab.journal.events import Observed, Restarted, SettingsApplied
from hublab.probes.reach import reach
from hublab.progress import Steps
from hublab.running.live import LiveLab
from hublab.running.servers import Server
from hublab.running.settings_lock import settings_lock
from hublab.running.sign_in import users_of
from hublab.running.switching import apply_settings
from hublab.settings.values import Settings

SETTING, BROKEN = "hub.JupyterHub.hub_connect_ip", "127.0.0.1"
HEALING = 120.0
"""Seconds that the guard gives the healing, which takes two or three."""


@dataclass(frozen=True, slots=True)
class BrokenHub:
    """What two users and `reach` saw while the hub had the wrong address, and afterwards."""

    runs: str
    """Whose server ran before."""
    runs_on: str
    status_of_running: int
    """How that server answered its user meanwhile."""
    newcomer: str
    """Who came meanwhile."""
    goes_to: str
    login_status: int
    """How the sign-in page answered."""
    reason: str
    """Why the newcomer's server did not start."""
    hops: tuple[HopDiagnosis, ...]
    healed_login_status: int
    healed_on: str
    """The node on which the newcomer's server ran once the setting was right again."""
    seconds: float

    @property
    def broken(self) -> list[HopDiagnosis]:
        return [hop for hop in self.hops if not hop.ok]

    def as_json(self) -> dict[str, Any]:
        """The form of `--json`."""
        return {
            **{key: value for key, value in asdict(self).items() if key != "hops"},
            "setting": f"{SETTING}={BROKEN}",
            "broke": [asdict(hop) for hop in self.broken],
        }


async def break_and_heal(
    live: LiveLab, server: Server, answers: Callable[[], Awaitable[int]], say: Steps
) -> BrokenHub | None:
    """Break the hub's address, look, and heal it; None where no user and node are left to show it.

    `answers` asks `server` as its user does and returns the HTTP status. The lab gets its settings
    back whatever happens; a server that starts here is stopped.
    """
    newcomer = await idle_user(live, server)
    other = next(
        (one.service for one in live.lab.of_role("node") if one.service != server.host), None
    )
    if newcomer is None or other is None:
        return None
    begun = time.monotonic()
    async with wrong_address(live, say):
        say(f"looking at it as {server.user} and as {newcomer}")
        status, login, reason = await asyncio.gather(
            answers(), login_status(live), why_no_server(live, newcomer, other)
        )
        hops = diagnose(await reach(live))
        say("healing it")
    healed_login = await login_status(live)
    say(f"starting {newcomer}'s server on {other}")
    healed = await live.spawn(newcomer, on=other)
    await live.stop(newcomer)
    seen = BrokenHub(
        runs=server.user,
        runs_on=str(server.host),
        status_of_running=status,
        newcomer=newcomer,
        goes_to=other,
        login_status=login,
        reason=reason,
        hops=tuple(hops),
        healed_login_status=healed_login,
        healed_on=str(healed.host),
        seconds=round(time.monotonic() - begun, 3),
    )
    live.record(Observed("demo_broken", seen.as_json()))
    return seen


async def idle_user(live: LiveLab, server: Server) -> str | None:
    """A user of the lab without any server, so that nobody's work is in the way."""
    busy = {one.user for one in await live.servers()} | {server.user}
    users = await asyncio.to_thread(users_of, live.lab)
    return next((user for user in users if user not in busy), None)


async def login_status(live: LiveLab) -> int:
    """How the sign-in page answers a browser without cookies."""
    run = await live.hub_run()
    async with (
        live.channel.session() as session,
        session.get(live.origin.with_path(f"{run.prefix}login")) as answer,
    ):
        return int(answer.status)


async def why_no_server(live: LiveLab, user: str, node: str) -> str:
    """Ask the hub for a server that cannot start, and return the hub's reason."""
    try:
        await live.spawn(user, on=node)
    except HubError as error:
        return error.message.partition("did not start: ")[2] or error.message
    await live.stop(user)
    return "none: it started"


@contextlib.asynccontextmanager
async def wrong_address(live: LiveLab, say: Steps) -> AsyncIterator[None]:
    """The hub with the wrong address; afterwards its settings are as before, whatever happens."""
    with Guard.start(timeout=HEALING) as guard:  # for the death of this process, even by SIGKILL
        async with settings_lock(live.name, say):
            before = await asyncio.to_thread(live.lab.settings)
            guard.add("heal", undo_argv(live.name, before))
            try:
                say(f"setting {SETTING}={BROKEN}")
                await switch(live, before.merged({SETTING: BROKEN}))
                yield
            finally:
                # In a task of its own, which a Ctrl-C that cancels this one leaves alone.
                await finished(asyncio.create_task(switch(live, before)))
                guard.release()


def undo_argv(lab: str, before: Settings) -> list[str]:
    """The command by which the guard heals a lab."""
    given = before.get(SETTING)
    change = ("unset", SETTING) if given is None else ("set", f"{SETTING}={given}")
    return [sys.executable, "-m", "hublab", *change, "--name", lab]


async def finished(task: asyncio.Task[None]) -> None:
    """Wait for a task to its end, also if the caller is cancelled; raises that afterwards."""
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def switch(live: LiveLab, settings: Settings) -> None:
    """Put settings into effect, and write that into the journal."""
    restarts = await apply_settings(live.lab, settings)
    await live.forget_hub()
    live.record(SettingsApplied(live.name, "", settings.digest, settings.masked()))
    for one in restarts:
        seconds = round(one.seconds, 3)
        live.record(Restarted(live.name, one.host, one.program, one.reason, seconds))


def show_broken(seen: BrokenHub | None) -> None:
    """Tell the second act in short sentences."""
    out.print("\n[bold]Now one setting is wrong[/bold], which is right on a single machine\n")
    if seen is None:
        out.print("  Not shown: it takes a second node, and a user without a server.")
        return
    for line in (
        f"hub_connect_ip={BROKEN}: the hub tells all hosts that it is at {BROKEN}.",
        f"{seen.runs}'s server on {seen.runs_on} still answers {words(seen.status_of_running)}.",
        f"{seen.newcomer} wants to sign in: the page answers {words(seen.login_status)}.",
        f"{seen.newcomer}'s server on {seen.goes_to} does not start:",
        f"  {seen.reason}",
        f"`hublab reach` blames {len(seen.broken)} of {len(seen.hops)} hops:",
    ):
        out.print(f"  {line}", markup=False)
    for hop in seen.broken:
        out.print(f"    {hop.source} -> {hop.target}: {hop.error} at {hop.url}", markup=False)
    for setting in dict.fromkeys(hop.setting for hop in seen.broken):
        out.print(f"    governed by {setting}", markup=False)
    out.print(
        f"  Healed: the page answers {words(seen.healed_login_status)}, and {seen.newcomer}'s "
        f"server starts on {seen.healed_on}. ({seen.seconds:.1f} s)",
        markup=False,
    )


def words(status: int) -> str:
    """A status as a person reads it."""
    known = {200: "OK", 503: "Service Unavailable"}
    return f"{status} {known[status]}" if status in known else str(status)
