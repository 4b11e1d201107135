"""A lab whose containers run becomes ready: its hub answers, and its settings are in effect."""

from __future__ import annotations

from functools import partial

from hublab.progress import Progress
from hublab.running import programs
from hublab.running.channel import Channel, open_channel
from hublab.running.hub_api import open_hub
from hublab.running.lab import Lab
from hublab.running.readiness import Unserved, ended_hosts_told, wait_for_hub
from hublab.running.switching import apply_settings, restart_roles
from hublab.settings.values import Settings


async def make_ready(
    lab: Lab, settings: Settings, progress: Progress, *, restart_hub: bool = False
) -> None:
    """Wait until the hub answers through the proxy, then apply the settings.

    A hub that runs with settings of the user's may answer nobody; that is no error. With
    `restart_hub` the hub reads its configuration again in any case. Raises LabError.
    """
    async with ended_hosts_told(lab):
        start_ended_programs(lab, progress)
        progress("waiting for the hub to answer through the proxy")
        async with open_channel(lab) as channel:
            try:
                await wait_for_hub(lab, channel, partial(restore_routes, lab, channel, progress))
            except Unserved as error:
                progress(f"{error.message}, as its settings may have it")
        restarts = await apply_settings(lab, settings) if lab.case() != (settings, ()) else []
        if restart_hub and "hub" not in [one.program for one in restarts]:
            await restart_roles(lab, ["hub"])


async def restore_routes(lab: Lab, channel: Channel, progress: Progress) -> None:
    """Have the hub fill a proxy's table, which a restart of the proxy emptied.

    The hub itself looks at it every five minutes only (`JupyterHub.last_activity_interval`).
    """
    progress("the proxy has no route to the hub; the hub checks its routes")
    async with await open_hub(channel, lab) as hub:
        await hub.check_routes()


def start_ended_programs(lab: Lab, progress: Progress) -> None:
    """Start the programs of a lab that have ended since it came up."""
    for host in lab.hosts.values():
        if programs.is_supervised(host) and programs.status(lab, host.service).ended:
            program = programs.program_of(lab, host.service)
            progress(f"starting the {program} of {host.service} again")
            programs.start(lab, host.service)
