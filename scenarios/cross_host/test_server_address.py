"""`Spawner.ip`: a server that listens on its node's loopback runs, and is never ready.

Why it matters: 127.0.0.1 is the default of JupyterHub's spawners, right for servers on the hub's
own machine and wrong for any other. Nothing fails on the node: the server's log says that it is
running, and the hub gives up on it.

Sources:
- JupyterHub documentation, `Spawner.ip`: "The IP address (or hostname) the single-user server
  should listen on"; "Subclasses which launch remotely or in containers should override the
  default to '0.0.0.0'".
- jupyterhub/user.py, `_wait_up`: a server that does not answer the hub for `http_timeout` is
  stopped, "never showed up at". Refused connections do keep to that time.
- NERSC/sshspawner#45: the default ip "will not work for any remote singleuser instance".
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import (
    Case,
    HubError,
    LiveLab,
    Server,
    diagnose,
    last_server_log,
    listening,
    reach,
    until,
    user_processes,
)

IP = "hub.Spawner.ip"
HTTP_TIMEOUT = "hub.Spawner.http_timeout"

pytestmark = [
    pytest.mark.topology("lab"),
    # Shortened: by default the hub waits 30 s. Long enough to look at a server that waits.
    pytest.mark.matrix(HTTP_TIMEOUT, [25]),
]


@pytest.mark.issue("NERSC/sshspawner#45", happens=True, workaround="Spawner.ip = '0.0.0.0'")
@pytest.mark.matrix(IP, ["0.0.0.0", "127.0.0.1"])
async def test_a_server_on_its_nodes_loopback_is_never_ready(lab: LiveLab, case: Case) -> None:
    """Spawn timeout: a server on 127.0.0.1 of its node is started, tried, and stopped again."""
    ip = str(case[IP])
    await reach(lab)  # what it looks through is there when the server waits
    spawning = asyncio.create_task(lab.spawn("alice", on="node1"))

    async def started() -> Server | None:
        server = await lab.server("alice")
        return server if server and server.pid else None

    server = await until(started, seconds=120, what="the server's process")
    assert server is not None
    if ip == "127.0.0.1":
        (hop,) = [hop for hop in diagnose(await reach(lab)) if not hop.ok]
        assert (hop.source, hop.target) == ("hub", "alice on node1")
        assert (hop.error, hop.setting) == ("Connection refused", IP)
        with pytest.raises(HubError, match="did not start"):
            await spawning
        place = f"http://{server.address}:{server.port}/user/alice/"
        words = f"alice's server never showed up at {place} after {case[HTTP_TIMEOUT]} seconds"
        assert words in await lab.hub_log()
        assert "is running at" in await last_server_log(lab, "alice", "node1")

        async def stopped() -> bool:
            running = [one.pid for one in await user_processes(lab, "alice")]
            return server.pid not in running

        await until(stopped, what="the end of the server's process")
    else:
        assert (await spawning).ready
        sockets = {(s.address, s.port) for s in await listening(lab, "node1")}
        assert (ip, server.port) in sockets
