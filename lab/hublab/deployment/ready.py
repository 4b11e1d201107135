"""Waits until a created lab is ready: its hub answers, and its settings are in effect."""

from __future__ import annotations

from functools import partial

from hublab.deployment.creation import Created
from hublab.deployment.removal import undo
from hublab.errors import EngineError, LabError
from hublab.progress import Progress
from hublab.running import programs
from hublab.running.channel import Channel, open_channel
from hublab.running.hub import open_hub
from hublab.running.lab import Lab
from hublab.running.readiness import fail_if_host_ended, wait_for_hub
from hublab.running.switching import Restart, apply_settings, restart_roles
from hublab.settings.values import Settings


async def make_ready(
    created: Created, settings: Settings, progress: Progress
) -> tuple[float, list[Restart]]:
    """Wait until the hub answers through the proxy, then apply the settings.

    Returns the seconds waited and the restarts that the settings caused. Raises LabError; a new
    lab has been removed by then.
    """
    lab = created.lab
    try:
        start_ended_programs(lab, progress)
        progress("waiting for the hub to answer through the proxy")
        async with open_channel(lab) as channel:
            repair = partial(restore_routes, lab, channel, progress)
            seconds = await wait_for_hub(lab, channel, repair)
        restarts = await apply_settings(lab, settings) if lab.case() != (settings, ()) else []
        if created.own.hub and not created.new and "hub" not in [one.program for one in restarts]:
            restarts += await restart_roles(lab, ["hub"])
    except BaseException as error:
        undo(created.guard, lab.engine, lab.name, created.new)
        if created.new and isinstance(error, LabError):
            error.hint = None  # its commands would need the lab that was just removed
        raise
    return seconds, restarts


async def restore_routes(lab: Lab, channel: Channel, progress: Progress) -> None:
    """Make the hub restore the proxy's routes, which a restart of the proxy has deleted.

    The hub itself checks them every five minutes only (`JupyterHub.last_activity_interval`).
    """
    progress("the proxy has no route to the hub; asking the hub to check its routes")
    async with await open_hub(channel, lab) as hub:
        await hub.check_routes()


def start_ended_programs(lab: Lab, progress: Progress) -> None:
    """Start the programs of a lab that have ended since the lab came up."""
    for host in lab.hosts.values():
        if programs.is_supervised(host) and program_ended(lab, host.service):
            program = programs.program_of(lab, host.service)
            progress(f"starting the {program} of {host.service} again")
            programs.start(lab, host.service)


def program_ended(lab: Lab, host: str) -> bool:
    """Whether the program of a host has ended. Raises LabError if the host itself has."""
    try:
        return programs.status(lab, host).ended
    except EngineError:
        fail_if_host_ended(lab)  # its message has the end of the host's log
        raise
