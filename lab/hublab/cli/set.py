"""`hublab set` and `hublab unset`: change the settings of a running lab."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import click

from hublab.cli.common import common, err, find, out, steps, with_live
from hublab.cli.complete import settings as known_settings
from hublab.cli.complete import settings_in_force
from hublab.cli.json_output import emit
from hublab.errors import SettingError
from hublab.journal.events import Restarted, SettingsApplied
from hublab.journal.redaction import hideable
from hublab.running.live import LiveLab
from hublab.running.settings_lock import settings_lock
from hublab.running.switching import Restart, apply_settings, give_routes_back
from hublab.settings.checking import check_settings
from hublab.settings.syntax import format_value
from hublab.settings.values import Settings, spelled_alike, unknown_setting


@dataclass(frozen=True, slots=True)
class Changed:
    """The effect of a change of settings on the lab."""

    restarts: list[Restart]
    stale: list[str]
    """Servers that still run with older settings."""
    routes_back: bool | None = None
    """Whether a restarted proxy has its routes again; None if no proxy was restarted."""


@click.command("set")
@click.argument("texts", nargs=-1, metavar="[SETTING=VALUE]...", shell_complete=known_settings)
@common
def set_command(texts: tuple[str, ...], name: str, as_json: bool) -> None:
    """Change settings of a running lab, restarting only what must.

    Without a setting it lists the lab's settings, and those of them that are not in effect yet. It
    also starts a hub, proxy, sshd or nginx that is down.

    The database and the servers stay. A running server keeps the settings that it started with.

    A restarted proxy has lost its routes, so `set` has the hub add them again at once
    (POST /hub/api/proxy). After a restart by other means, such as `docker restart`, they are
    missing until the hub's next check (jupyterhub#2000); `hublab routes --check` starts one.

    \b
    Examples:
      hublab set hub.JupyterHub.hub_connect_ip=127.0.0.1
      hublab set hub.Spawner.poll_interval=2 proxy.timeout=30000
      hublab set "server.ServerApp.allow_origin=*"
      hublab set sshd.MaxSessions=2
      hublab set 'nginx.proxy_set_header.Host=$host'
      hublab set hub.snippet=my_hooks.py
      hublab set
    """
    if not texts:
        show(*find(name).case(), as_json)
        return
    settings = Settings.parse(texts)

    async def work(live: LiveLab) -> Changed:
        images = live.lab.images
        check_settings(live.lab.engine, images, settings, lab=live.name)
        async with settings_lock(live.name, steps()):
            return await switch(live, live.lab.settings().merged(settings))

    report(with_live(name, work, "set"), settings, as_json)


@click.command("unset")
@click.argument("keys", nargs=-1, metavar="SETTING...", shell_complete=settings_in_force)
@click.option("--all", "everything", is_flag=True, help="Remove all settings.")
@common
def unset_command(keys: tuple[str, ...], everything: bool, name: str, as_json: bool) -> None:
    """Return settings to the lab's base configuration.

    If that restarts the proxy, the hub adds its routes again, as after `hublab set`.

    \b
    Examples:
      hublab unset hub.JupyterHub.hub_connect_ip
      hublab unset --all
    """
    if bool(keys) == everything:
        raise click.UsageError("name the settings to remove, or use --all")

    async def work(live: LiveLab) -> Changed:
        async with settings_lock(live.name, steps()):
            present = live.lab.settings()
            alike = {spelled_alike(key) for key in present}
            for key in keys:
                if spelled_alike(key) not in alike:
                    raise not_set(key, present)
            return await switch(live, present.without(*(present if everything else keys)))

    report(with_live(name, work, "unset"), Settings(), as_json)


def not_set(key: str, present: Settings) -> SettingError:
    """The error for a setting that this lab does not have."""
    near = unknown_setting(key, list(present)).hint
    if key.startswith("nginx.") and not near:
        near = f"`hublab set {key}=false` leaves out a directive of the lab's own site"
    return SettingError(
        f"{key} is not set in this lab",
        hint=near or (f"one of {', '.join(present)}" if present else "nothing is set"),
    )


async def switch(live: LiveLab, settings: Settings) -> Changed:
    """Apply settings, and have the hub add the routes of a proxy that this restarts."""
    for secret in hideable(settings.secret_values()):
        live.hide(secret)
    before = live.lab.settings()
    stale = before.only("server") != settings.only("server")
    restarts = await apply_settings(live.lab, settings, repair=True)
    await live.forget_hub()
    live.record(SettingsApplied(live.name, "", settings.digest, settings.masked()))
    for r in restarts:
        live.record(Restarted(live.name, r.host, r.program, r.reason, round(r.seconds, 3)))
    emptied = any(r.program == "proxy" for r in restarts)
    routes_back = await restore_routes(live) if emptied else None
    older = [f"{s.user}/{s.name}" for s in await live.servers() if s.ready] if stale else []
    return Changed(restarts, older, routes_back)


async def restore_routes(live: LiveLab) -> bool:
    """Have the hub add the proxy's routes; returns whether it did, and prints why it did not."""
    problem = await give_routes_back(await live.hub())
    if problem:
        err.print(f"the proxy has no routes yet: {problem}", markup=False)
    return not problem


def show(settings: Settings, due: Collection[str], as_json: bool) -> None:
    """Print a lab's settings without secrets, and those that are `due`: set, not yet in effect."""
    shown = settings.masked()
    if as_json:
        emit({"settings": shown, "due": list(due)})
        return
    for key, value in shown.items():
        out.print(f"{key}={format_value(key, value)}", markup=False)
    for key in due:
        out.print(
            f"{key} may not be in effect: the command that set it did not finish", markup=False
        )
    if not settings:
        err.print("nothing is set in this lab")


def report(done: Changed, settings: Settings, as_json: bool) -> None:
    """Print what was set, what was restarted for it, and which servers have older settings."""
    if as_json:
        emit(
            {
                "settings": settings.masked(),
                "restarted": [
                    {"host": r.host, "program": r.program, "seconds": round(r.seconds, 3)}
                    for r in done.restarts
                ],
                "routes_given_back": done.routes_back,
                "stale": done.stale,
            }
        )
        return
    for key, value in settings.masked().items():
        out.print(f"{key}={format_value(key, value)}", markup=False)
    for r in done.restarts:
        out.print(f"restarted {r.program} on {r.host} in {r.seconds:.1f} s ({r.reason})")
    if done.routes_back:
        out.print(
            "the restarted proxy had lost its routes; "
            "the hub added them again (POST /hub/api/proxy)"
        )
    if not done.restarts:
        out.print("nothing was restarted")
    for server in done.stale:
        out.print(f"{server.rstrip('/')} still runs with older settings", markup=False)
