"""`hublab up`: brings a lab up, or finds it running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from hublab.checkouts import Checkout
from hublab.cli.common import common, err, files_option, open_journal, out, steps, table
from hublab.cli.json_output import emit
from hublab.cli.packages import packages_options, show_versions
from hublab.cli.places import Place
from hublab.cli.sign_in import (
    as_data,
    find_sign_in,
    refused_sign_in,
    show_other_hubs,
    show_password_option,
    show_sign_in,
)
from hublab.cli.sources import show_sources, source_options, sources_as_data
from hublab.deployment.creation import Created, create, prepare
from hublab.deployment.own_config import NO_CONFIG, Override, OwnConfig
from hublab.deployment.own_environment import password_from, variables_from
from hublab.deployment.plan import Plan, make_plan
from hublab.deployment.up_lock import up_lock
from hublab.diagnosis.unserved import Unserved, unserved
from hublab.engine import Engine
from hublab.errors import UsageError
from hublab.journal.events import LabUp, SettingsApplied
from hublab.probes.reach import reach
from hublab.progress import Steps
from hublab.running.hub_address import hub_url
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.running.ready import make_ready
from hublab.running.settings_lock import settings_lock
from hublab.running.sources import sources_in
from hublab.running.warm import is_cold, make_cold, make_warm
from hublab.settings.values import NO_SETTINGS, Settings
from hublab.topology.defaults import FEWEST_NODES, MOST_NODES
from hublab.topology.packages import Packages


@click.command()
@files_option("A Compose file; repeatable. Default: the project's compose/lab.yaml.")
@click.option(
    "--set",
    "texts",
    multiple=True,
    metavar="SETTING=VALUE",
    help="A setting from the start, for instance hub.JupyterHub.hub_connect_ip=hub; repeatable.",
)
@click.option(
    "--nodes",
    type=click.IntRange(FEWEST_NODES, MOST_NODES),
    envvar="HUBLAB_NODES",
    show_envvar=True,
    help="The least number of nodes; those that the files lack are added.",
)
@click.option(
    "--hub-config",
    type=Place(),
    metavar="FILE",
    help="A jupyterhub_config.py of your own, loaded after the lab's.",
)
@click.option(
    "--server-config",
    type=Place(),
    metavar="FILE",
    help="A jupyter_server_config.py of your own, for the servers on the nodes.",
)
@packages_options
@source_options
@click.option(
    "--cold",
    is_flag=True,
    help="Each hub does its own imports, instead of being forked from a process that has done "
    "them. A lab without it is warm again.",
)
@click.option(
    "--env",
    "environment",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A variable for the hub; NAME alone takes your value, for secrets. Repeatable.",
)
@click.option(
    "--env-file",
    "environment_files",
    multiple=True,
    type=Place(),
    metavar="FILE",
    help="Lines NAME=VALUE, for the hub; repeatable.",
)
@click.option(
    "--password-file",
    type=Place(allow_dash=True),
    metavar="FILE",
    help="The password with which hublab signs users in at your authenticator; - is stdin.",
)
@show_password_option
@common
def up(
    files: tuple[Path, ...],
    texts: tuple[str, ...],
    nodes: int | None,
    hub_config: Path | None,
    server_config: Path | None,
    packages: Mapping[str, Packages],
    checkouts: tuple[Checkout, ...],
    cold: bool,
    environment: tuple[str, ...],
    environment_files: tuple[Path, ...],
    password_file: Path | None,
    show_password: bool,
    name: str,
    as_json: bool,
) -> None:
    """Bring a lab up, or find it running.

    A lab has a hub, a proxy, nodes and a client, each with an address of its own. `up` builds only
    images whose inputs have changed. It removes a lab that fails to come up. Settings given for a
    running lab are added to those that it has.

    Your own configuration is in effect except for what `up` lists with line and reason: what
    cannot work here (addresses, the proxy, how servers start, how people sign in), what nothing
    here reads, and paths that are not here. The folder of the file goes along, read-only. The file
    runs twice, first to try it; what it writes then is thrown away.

    A working tree of JupyterHub, Jupyter Server or the proxy runs in place of the release, with
    the release's dependencies, and with its static files where the tree has built none. What has
    changed there since is in effect after the next `up` or `restart`.

    At the end it prints how to sign in. The password is the same for every user but admin. Where
    settings cut somebody off, it says whom and which setting does: the lab is up all the same.

    \b
    Examples:
      hublab up
      hublab up --name second --nodes 4
      hublab up --set hub.JupyterHub.hub_connect_ip=hub --set proxy.timeout=30000
      hublab up -f compose/lab.yaml -f compose/postgres.yaml
      hublab up --hub-config jupyterhub_config.py --env CLIENT_SECRET
      hublab up --hub-source ~/src/jupyterhub
    """
    begun = time.monotonic()
    settings = Settings.parse(texts, where="--set")
    variables = variables_from(environment, environment_files)
    if password_file and not hub_config:
        hint = "the --hub-config whose authenticator accepts it"
        raise UsageError("no configuration comes with it", where="--password-file", hint=hint)
    own = OwnConfig(hub_config, server_config, variables, password_from(password_file))
    plan = make_plan(files, nodes, packages=packages, checkouts=checkouts)
    lab, created = bring_up(plan, name, steps(), settings, own, cold=cold)
    seconds = time.monotonic() - begun
    # The lab's password is none at an authenticator of the user's.
    theirs = any(one.kind == "sign-in" for one in created.overridden) and not own.password
    known = None if theirs else find_sign_in(lab)
    sources = sources_in(lab)
    cut_off = asyncio.run(who_is_unserved(lab)) if lab.settings() or own else []
    refused = asyncio.run(refused_sign_in(lab, known.user)) if own.password and known else None
    if as_json:
        answer = {**lab.as_json(), "url": hub_url(lab), "seconds": round(seconds, 3)}
        answer["sign_in"] = as_data(known, show_password)
        answer["sign_in_refused"] = refused and str(refused)
        answer["unserved"] = [asdict(one) for one in cut_off]
        answer["versions"] = [asdict(one) for one in created.versions]
        answer["sources"] = sources_as_data(sources)
        emit({**answer, "overridden": [asdict(one) for one in created.overridden]})
    else:
        show_hosts(lab)
        show_overridden(created.overridden)
        show_versions(created.versions)
        show_sources(sources)
        out.print(f"\nlab {name} is up after {seconds:.1f} s: {hub_url(lab)}", markup=False)
        show_unserved(lab, cut_off)
        show_sign_in(known, show_password)
        show_other_hubs(lab)
        if refused:
            err.print(f"but that sign-in failed: {refused}", markup=False)


def bring_up(
    plan: Plan,
    name: str,
    say: Steps,
    settings: Settings = NO_SETTINGS,
    own: OwnConfig = NO_CONFIG,
    *,
    cold: bool = False,
) -> tuple[Lab, Created]:
    """Bring a lab up for good, or find it running, and begin its journal."""
    engine = Engine.connect()
    prepare(plan, name, engine, say, own)
    with up_lock(say):
        created = create(plan, name, engine, say, settings=settings, own=own)
        with created.getting_ready():
            lab = Lab.find(name, engine)
            changed = set_warmth(lab, cold=cold)
            restart_hub = (bool(own.hub or own.variables.values) and not created.new) or (
                cold and changed
            )
            effective = asyncio.run(settle(lab, settings, say, restart_hub=restart_hub))
    with open_journal(lab, "up") as journal:
        hosts = tuple(lab.as_json()["hosts"])
        journal.write(LabUp(lab.name, lab.subnet, hosts, created.seconds))
        journal.write(SettingsApplied(lab.name, "", effective.digest, effective.masked()))
    created.release()
    return lab, created


def set_warmth(lab: Lab, *, cold: bool) -> bool:
    """Have the lab's hubs forked, or do their own imports; returns whether that is new."""
    if cold:
        return make_cold(lab)
    if was_cold := is_cold(lab):
        make_warm(lab)
    return was_cold


async def settle(lab: Lab, more: Settings, say: Steps, *, restart_hub: bool) -> Settings:
    """Wait until a lab is ready, with more settings; returns all that are in effect."""
    async with settings_lock(lab.name, say):
        settings = lab.settings().merged(more)
        await make_ready(lab, settings, say, restart_hub=restart_hub)
    return settings


async def who_is_unserved(lab: Lab) -> list[Unserved]:
    """Whom the settings of a lab cut off, by trying every hop."""
    async with connect(lab) as live:
        return unserved(await reach(live))


def show_unserved(lab: Lab, cut_off: list[Unserved]) -> None:
    """Print whom a lab that is up does not serve, and how to change that."""
    if not cut_off:
        return
    out.print("but it does not serve everybody:")
    for one in cut_off:
        out.print(f"  {one.effect}\n    {one.error}, governed by {one.setting}", markup=False)
    governing = {key for one in cut_off for key in one.setting.split(" or ")}
    keys = sorted(governing & {*lab.settings()})
    if keys:
        out.print(f"  `hublab unset {' '.join(keys)}{lab.name_option}` undoes it", markup=False)
    else:
        out.print(f"  `hublab reach{lab.name_option}` shows every hop", markup=False)


def show_overridden(overridden: Iterable[Override]) -> None:
    """Print which of the user's own settings do not hold as they stand, where, and why."""
    for one in overridden:
        theirs = "(JupyterHub's default)" if one.theirs is None else one.theirs
        ours = "(not set)" if one.ours is None else one.ours
        at = f"line {one.line}: " if one.line else ""
        if one.file:
            at = f"{one.file}:{one.line}: "
        if one.kind == "replaced":
            out.print(f"\n{at}{one.trait}: {theirs} -> {ours}\n    {one.why}", markup=False)
        else:
            value = "" if one.theirs is None else f": {one.theirs}"
            out.print(f"\n{at}{one.trait}{value} ({one.kind})\n    {one.why}", markup=False)


def show_hosts(lab: Lab) -> None:
    """Print the table of hosts."""
    rows = table(None, "HOST", "ROLE", "ADDRESS", "STATE", "CONTAINER")
    for host in lab.hosts.values():
        rows.add_row(host.service, host.role, host.address, host.state, host.name)
    out.print(rows)
