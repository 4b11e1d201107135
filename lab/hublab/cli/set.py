"""`hublab set` and `hublab unset`: settings of a running lab."""

from __future__ import annotations

from collections.abc import Collection

import click

from hublab.case_switch import Restart, apply_settings, give_routes_back
from hublab.cli.common import common, emit, err, find, out, steps, with_live
from hublab.errors import SettingError
from hublab.journal_events import Restarted, SettingsApplied
from hublab.live import LiveLab
from hublab.settings import Settings, format_value, unknown_setting
from hublab.settings_check import check_settings
from hublab.switch_lock import one_switch


@click.command("set")
@click.argument("texts", nargs=-1, metavar="[SETTING=VALUE]...")
@common
def set_command(texts: tuple[str, ...], name: str, as_json: bool) -> None:
    """Make settings hold in a running lab, restarting as little as possible.

    Without a setting: list those that the lab was given, and which of them do not hold yet.
    A hub, proxy or sshd that is down is started again, with whatever is set.

    The database and the servers stay; servers that run keep the settings that they started with.

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

    async def work(live: LiveLab) -> tuple[list[Restart], list[str]]:
        images = live.lab.images
        check_settings(live.lab.engine, images, wanted, lab=live.name)
        async with one_switch(live.name, steps()):
            return await switch(live, live.lab.settings().merged(wanted))

    tell(*with_live(name, work, "set"), wanted, as_json)


@click.command("unset")
@click.argument("keys", nargs=-1, metavar="SETTING...")
@click.option("--all", "everything", is_flag=True, help="Take all settings back.")
@common
def unset_command(keys: tuple[str, ...], everything: bool, name: str, as_json: bool) -> None:
    """Take settings back: the base configuration holds again.

    \b
    Examples:
      hublab unset hub.JupyterHub.hub_connect_ip
      hublab unset --all
    """
    if bool(keys) == everything:
        raise click.UsageError("name the settings to take back, or say --all")

    async def work(live: LiveLab) -> tuple[list[Restart], list[str]]:
        async with one_switch(live.name, steps()):
            present = live.lab.settings()
            for key in keys:
                if key not in present:
                    raise not_set(key, present)
            return await switch(live, present.without(*(present if everything else keys)))

    tell(*with_live(name, work, "unset"), Settings(), as_json)


def not_set(key: str, present: Settings) -> SettingError:
    """The error for a setting that this lab does not have."""
    near = unknown_setting(key, list(present)).right
    return SettingError(
        f"{key} is not set in this lab",
        right=near or (f"one of {', '.join(present)}" if present else "nothing is set"),
    )


async def switch(live: LiveLab, settings: Settings) -> tuple[list[Restart], list[str]]:
    """Apply settings; returns what was restarted, and the servers that run with older ones."""
    for secret in settings.secret_values():
        live.hide(secret)
    before = live.lab.settings()
    stale = before.only("server") != settings.only("server")
    restarts = await apply_settings(live.lab, settings, mend=True)
    await live.forget_hub()
    live.record(SettingsApplied(live.name, "", settings.digest, settings.as_json()))
    for r in restarts:
        live.record(Restarted(live.name, r.host, r.program, r.reason, round(r.seconds, 3)))
    if any(r.program == "proxy" for r in restarts):
        await give_back(live)
    older = [f"{s.user}/{s.name}" for s in await live.servers() if s.ready] if stale else []
    return restarts, older


async def give_back(live: LiveLab) -> None:
    """Say so when the proxy's table could not be filled again."""
    if problem := await give_routes_back(await live.hub()):
        err.print(f"the proxy has no routes yet: {problem}", markup=False)


def show(settings: Settings, due: Collection[str], as_json: bool) -> None:
    """What a lab was given, without its secrets, and what of that is `due`: written, not held."""
    told = settings.told()
    if as_json:
        emit({"settings": told, "due": list(due)})
        return
    for key, value in told.items():
        out.print(f"{key}={format_value(key, value)}", markup=False)
    for key in due:
        out.print(f"{key} may not hold: its switch did not end", markup=False)
    if not settings:
        err.print("nothing is set in this lab")


def tell(restarts: list[Restart], stale: list[str], wanted: Settings, as_json: bool) -> None:
    if as_json:
        emit(
            {
                "settings": wanted.as_json(),
                "restarted": [
                    {"host": r.host, "program": r.program, "seconds": round(r.seconds, 3)}
                    for r in restarts
                ],
                "stale": stale,
            }
        )
        return
    for key, value in wanted.items():
        out.print(f"{key}={format_value(key, value)}", markup=False)
    for r in restarts:
        out.print(f"restarted {r.program} on {r.host} in {r.seconds:.1f} s ({r.reason})")
    if not restarts:
        out.print("nothing was restarted")
    for server in stale:
        out.print(f"{server.rstrip('/')} runs with older settings", markup=False)
