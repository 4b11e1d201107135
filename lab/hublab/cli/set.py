"""`hublab set` and `hublab unset`: settings of a running lab."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import click

from hublab.cli.common import common, emit, err, find, out, steps, with_live
from hublab.errors import SettingError
from hublab.journal.events import Restarted, SettingsApplied
from hublab.running.live import LiveLab
from hublab.running.settings_lock import settings_lock
from hublab.running.switching import Restart, apply_settings, give_routes_back
from hublab.settings.checking import check_settings
from hublab.settings.syntax import format_value
from hublab.settings.values import Settings, unknown_setting


@dataclass(frozen=True, slots=True)
class Switched:
    """What a switch of settings did to the lab."""

    restarts: list[Restart]
    stale: list[str]
    """The servers that run with older settings."""
    routes_back: bool | None = None
    """Whether a proxy that was restarted has its routes again; None: none was restarted."""


@click.command("set")
@click.argument("texts", nargs=-1, metavar="[SETTING=VALUE]...")
@common
def set_command(texts: tuple[str, ...], name: str, as_json: bool) -> None:
    """Make settings hold in a running lab, restarting as little as possible.

    Without a setting: list those that the lab was given, and which of them do not hold yet.
    A hub, proxy or sshd that is down is started again, with whatever is set.

    The database and the servers stay; servers that run keep the settings that they started with.

    A proxy that restarts has forgotten its routes, so the hub is asked to give them again at once
    (POST /hub/api/proxy). A restart by other means, as `docker restart`, leaves them lost until the
    hub's next check (jupyterhub#2000); `hublab routes --check` has it check.

    \b
    Examples:
      hublab set hub.JupyterHub.hub_connect_ip=127.0.0.1
      hublab set hub.Spawner.poll_interval=2 proxy.timeout=30000
      hublab set "server.ServerApp.allow_origin=*"
      hublab set sshd.MaxSessions=2
      hublab set hub.snippet=my_hooks.py
      hublab set
    """
    if not texts:
        show(*find(name).case(), as_json)
        return
    wanted = Settings.parse(texts)

    async def work(live: LiveLab) -> Switched:
        images = live.lab.images
        check_settings(live.lab.engine, images, wanted, lab=live.name)
        async with settings_lock(live.name, steps()):
            return await switch(live, live.lab.settings().merged(wanted))

    tell(with_live(name, work, "set"), wanted, as_json)


@click.command("unset")
@click.argument("keys", nargs=-1, metavar="SETTING...")
@click.option("--all", "everything", is_flag=True, help="Take all settings back.")
@common
def unset_command(keys: tuple[str, ...], everything: bool, name: str, as_json: bool) -> None:
    """Take settings back: the base configuration holds again.

    Where that restarts the proxy, the hub is asked to give it its routes again, as by `hublab set`.

    \b
    Examples:
      hublab unset hub.JupyterHub.hub_connect_ip
      hublab unset --all
    """
    if bool(keys) == everything:
        raise click.UsageError("name the settings to take back, or say --all")

    async def work(live: LiveLab) -> Switched:
        async with settings_lock(live.name, steps()):
            present = live.lab.settings()
            for key in keys:
                if key not in present:
                    raise not_set(key, present)
            return await switch(live, present.without(*(present if everything else keys)))

    tell(with_live(name, work, "unset"), Settings(), as_json)


def not_set(key: str, present: Settings) -> SettingError:
    """The error for a setting that this lab does not have."""
    near = unknown_setting(key, list(present)).hint
    return SettingError(
        f"{key} is not set in this lab",
        hint=near or (f"one of {', '.join(present)}" if present else "nothing is set"),
    )


async def switch(live: LiveLab, settings: Settings) -> Switched:
    """Apply settings, and have the hub fill the table of a proxy that this restarted."""
    for secret in settings.secret_values():
        live.hide(secret)
    before = live.lab.settings()
    stale = before.only("server") != settings.only("server")
    restarts = await apply_settings(live.lab, settings, repair=True)
    await live.forget_hub()
    live.record(SettingsApplied(live.name, "", settings.digest, settings.as_json()))
    for r in restarts:
        live.record(Restarted(live.name, r.host, r.program, r.reason, round(r.seconds, 3)))
    emptied = any(r.program == "proxy" for r in restarts)
    routes_back = await give_back(live) if emptied else None
    older = [f"{s.user}/{s.name}" for s in await live.servers() if s.ready] if stale else []
    return Switched(restarts, older, routes_back)


async def give_back(live: LiveLab) -> bool:
    """Whether the proxy's table could be filled again; says why where it could not."""
    problem = await give_routes_back(await live.hub())
    if problem:
        err.print(f"the proxy has no routes yet: {problem}", markup=False)
    return not problem


def show(settings: Settings, due: Collection[str], as_json: bool) -> None:
    """What a lab was given, without its secrets, and what of that is `due`: written, not held."""
    told = settings.masked()
    if as_json:
        emit({"settings": told, "due": list(due)})
        return
    for key, value in told.items():
        out.print(f"{key}={format_value(key, value)}", markup=False)
    for key in due:
        out.print(f"{key} may not hold: its switch did not end", markup=False)
    if not settings:
        err.print("nothing is set in this lab")


def tell(done: Switched, wanted: Settings, as_json: bool) -> None:
    """What is set, what was restarted for it, and what that left."""
    if as_json:
        emit(
            {
                "settings": wanted.as_json(),
                "restarted": [
                    {"host": r.host, "program": r.program, "seconds": round(r.seconds, 3)}
                    for r in done.restarts
                ],
                "routes_given_back": done.routes_back,
                "stale": done.stale,
            }
        )
        return
    for key, value in wanted.items():
        out.print(f"{key}={format_value(key, value)}", markup=False)
    for r in done.restarts:
        out.print(f"restarted {r.program} on {r.host} in {r.seconds:.1f} s ({r.reason})")
    if done.routes_back:
        out.print(
            "the restarted proxy had lost its routes; the hub gave them again (POST /hub/api/proxy)"
        )
    if not done.restarts:
        out.print("nothing was restarted")
    for server in done.stale:
        out.print(f"{server.rstrip('/')} runs with older settings", markup=False)
