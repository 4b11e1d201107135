"""Ports of servers that share a node: who chooses them decides whether they collide, and how.

Why it matters: a firewall between hub and nodes asks for ports that are known beforehand, and
`Spawner.port` is one port for everybody. Chosen on the hub, a port says nothing of what is free on
the node. The second server then cannot listen; and the hub calls it ready, for the first answers.

Sources:
- JupyterHub documentation, `Spawner.port`: "If set to a non-zero value, all Spawners will use the
  same port, which only makes sense if each server is on a different address, e.g. in containers";
  REST API, `ready`: "Whether the server is ready for traffic".
- jupyterhub/utils.py, `wait_for_http_server`: "Any non-5XX response code will do, even 404".
- jupyter_server/serverapp.py, `_find_http_port`, with `port_retries = 0` (jupyterhub/singleuser/
  extension.py): a port that is taken is the server's end.
- `SSHSpawner.port_range`: the launcher on the node takes a port that is free there, and keeps it.
- batchspawner#58, jupyterhub#1830: two users of one node got one port that the hub had chosen,
  and the second server could not start.
- jupyterhub#5208, batchspawner#102: a range of ports, for a firewall.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import HubError, LiveLab, proxy_routes, until

PORT = "hub.Spawner.port"
STATE = 'cut -d " " -f 3 "/proc/$1/stat" 2>/dev/null || true'

pytestmark = pytest.mark.topology("lab")


async def process_state(lab: LiveLab, pid: int) -> str:
    """The state of a process on the hub's host (proc(5)), empty when it is gone."""
    return (await lab.run("hub", "sh", "-c", STATE, "-", str(pid))).strip()


async def status_of(lab: LiveLab, user: str) -> int:
    """What a user gets at the API of the own server, through the proxy."""
    visitor = await lab.sign_in(user)
    async with visitor.session.get(visitor.server_url() / "api") as answer:
        return answer.status


@pytest.mark.finding(
    "A server is ready when another user's server answers on its port with 404",
    project="jupyterhub",
    steps="A spawner that runs two servers on one host, with Spawner.port = 40001. Start alice's "
    "server, then bob's.",
    expected="bob's spawn fails, or at least `ready` stays false: his process has ended with the "
    "port in use (REST API: 'ready for traffic'; documentation of http_timeout).",
    seen="201 at once, `ready: true`, a route /user/bob to alice's server, which answers 404: any "
    "answer below 500 counts, also one without X-JupyterHub-Version or of another prefix.",
)
@pytest.mark.matrix("hub.JupyterHub.spawner_class", ["simple"])
@pytest.mark.matrix("hub.Spawner.ip", ["hub"])
@pytest.mark.matrix(PORT, [40001])
@pytest.mark.matrix("hub.Spawner.poll_interval", [300])  # 30 s by default
@pytest.mark.sabotage(PORT, 0)
async def test_a_second_server_on_the_port_is_called_ready(lab: LiveLab) -> None:
    """A spawner of JupyterHub's own: both run where the hub does, and the second ends at once."""
    try:
        assert (await lab.spawn("alice")).ready
        bob = await lab.spawn("bob")

        async def ended() -> bool:
            return await process_state(lab, int(bob.pid or 0)) in ("", "Z")

        await until(ended, seconds=120, what="the end of bob's process")
        later = await lab.server("bob")
        assert later is not None
        assert later.ready  # until the next poll
        assert (await status_of(lab, "alice"), await status_of(lab, "bob")) == (200, 404)
        targets = {route.user: route.target for route in await proxy_routes(lab) if route.user}
        assert targets == dict.fromkeys(("alice", "bob"), "http://hub:40001")
    finally:
        # They run on the hub's host, where no case looks for servers of another.
        await asyncio.gather(*(lab.stop(user) for user in ("alice", "bob")))


@pytest.mark.issue(
    "batchspawner#58",
    "jupyterhub#1830",
    happens=True,
    workaround="the node chooses: Spawner.port = 0",
)
@pytest.mark.matrix(PORT, [40001])
@pytest.mark.sabotage(PORT, 0)
async def test_the_node_refuses_a_port_in_use(lab: LiveLab) -> None:
    """Port in use: SSHSpawner's start is refused on the node ("no free port"), not on the next."""
    assert (await lab.spawn("alice", on="node1")).port == 40001
    with pytest.raises(HubError, match="no free port between 40001 and 40001 on this node"):
        await lab.spawn("bob", on="node1")
    assert (await lab.spawn("bob", on="node2")).port == 40001


@pytest.mark.issue(
    "jupyterhub#5208", "batchspawner#102", happens=False, workaround="a spawner's range"
)
@pytest.mark.matrix("hub.SSHSpawner.port_range", ["40010-40011"])
@pytest.mark.sabotage("hub.SSHSpawner.port_range", "40020-40030")
async def test_servers_share_a_range_of_ports(lab: LiveLab) -> None:
    """Servers share the range without meeting, and one too many is told so."""
    servers = await asyncio.gather(*(lab.spawn(user, on="node1") for user in ("alice", "bob")))
    assert {server.port for server in servers} == {40010, 40011}
    with pytest.raises(HubError, match="no free port between 40010 and 40011 on this node"):
        await lab.spawn("carol", on="node1")
