"""The hub's end is the servers' end only if it is asked to end and cleanup_servers is on.

Why it matters: a hub is restarted for each change of its configuration. Whether a whole course
loses its kernels by that hangs on one setting, on the signal, and on what the service manager does
to the processes that stand beside the hub.

Sources:
- jupyterhub 6.1.1, app.py, `cleanup_servers` (True): "Whether to shutdown single-user servers when
  the Hub shuts down ... The Hub should be able to resume from database state"; `init_signal`:
  SIGTERM and SIGINT clean up, and nothing can on SIGKILL.
- app.py, `cleanup`, calls `User.stop`, which leaves routes alone (handlers/base.py,
  `stop_single_user`, removes them): those of a proxy with a host of its own stay until the next
  hub compares (`check_routes`).
- app.py, `check_spawner`: at its start the hub polls each server of its database.
- jupyterhub#5107 (open): a restart ended servers although cleanup_servers was off; systemd.kill(5),
  `KillMode=control-group`, the default: all processes of the unit get the signal.
"""

from __future__ import annotations

import pytest

from hublab.scenario import (
    Case,
    LiveLab,
    Server,
    proxy_routes,
    until,
    until_state,
    user_processes,
)

CLEANUP = "hub.JupyterHub.cleanup_servers"
SPAWNER = "hub.JupyterHub.spawner_class"
PIDS_OF_HUB = (
    'for p in /proc/[0-9]*; do [ "$(stat -c %U $p)" != jupyterhub ] || echo ${p#/proc/}; done'
)

pytestmark = pytest.mark.topology("lab")


async def wait_for_end(lab: LiveLab) -> None:
    """Wait until the hub's program has ended."""
    await lab.forget_hub()
    await lab.programs.until_ended("hub")


async def start_hub(lab: LiveLab) -> None:
    """Start the hub again, with the database that it left."""
    await lab.programs.end("hub")
    await lab.programs.start("hub")
    await lab.programs.until_ready("hub")


async def has_route(lab: LiveLab) -> bool:
    """Whether the proxy has a route to alice's server."""
    return "alice" in [route.user for route in await proxy_routes(lab)]


async def pids_on_node(lab: LiveLab) -> set[int]:
    """Alice's processes on the nodes."""
    return {process.pid for process in await user_processes(lab, "alice")}


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
@pytest.mark.matrix(CLEANUP, [True, False])
async def test_servers_stop_only_by_sigterm_with_cleanup_servers(
    lab: LiveLab, case: Case, signal: str
) -> None:
    """By signal and setting: the same process goes on, or it is gone; the route always stays."""
    stopped = case[CLEANUP] and signal == "TERM"
    before = await lab.spawn("alice", on="node1")
    await lab.programs.kill("hub", signal)
    await wait_for_end(lab)
    assert await has_route(lab)

    await start_hub(lab)
    await until_state(lab, "alice", "stopped" if stopped else "ready")
    after = await lab.server("alice")
    assert same(before, after) == (not stopped)
    assert (before.pid in await pids_on_node(lab)) == (not stopped)

    async def agreed() -> bool:
        return await has_route(lab) == (not stopped)

    await until(agreed, what="a route where there is a server, and none elsewhere")


def same(before: Server, after: Server | None) -> bool:
    """Whether it is the same process, started at the same time."""
    return after is not None and (before.pid, before.started) == (after.pid, after.started)


@pytest.mark.issue(
    "jupyterhub#5107", happens=True, workaround="KillMode=process; servers on other hosts"
)
@pytest.mark.matrix(CLEANUP, [False])
@pytest.mark.matrix(SPAWNER, ["simple", "ssh"])
async def test_a_service_manager_ends_servers_of_its_own_host(lab: LiveLab, case: Case) -> None:
    """All processes of the hub's host get SIGTERM: a server there ends, one on a node does not."""
    await lab.spawn("alice")
    pids = (await lab.run("hub", "sh", "-c", PIDS_OF_HUB)).split()
    assert len(pids) >= (2 if case[SPAWNER] == "simple" else 1)
    await lab.run("hub", "sh", "-c", 'for pid; do kill -TERM "$pid" || true; done', "-", *pids)
    await wait_for_end(lab)

    async def ended() -> bool:
        return not (await lab.run("hub", "sh", "-c", PIDS_OF_HUB)).split()

    await until(ended, what="the end of all processes of the hub's user")
    await start_hub(lab)
    state = await until_state(lab, "alice", "stopped" if case[SPAWNER] == "simple" else "ready")
    assert state.ready == (case[SPAWNER] == "ssh")
