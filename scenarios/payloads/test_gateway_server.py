"""The server in front of a gateway: it ends idle kernels there, and does not end itself.

Why it matters: kernels on a strong host should not stay for ever, and the user's server is who may
end them. But once its gateway has gone, that server does not end by SIGTERM, which is what systemd
and container engines send: it answers nobody, runs on, and the hub takes it for a ready one. And a
gateway that wants a token is told the one in `auth_token` alone; put into `headers`, as for any
other proxy, it never leaves the host.

Sources:
- jupyter_server 2.21, gateway/managers.py, `cull_kernels`: the gateway's list, then the limits of
  `MappingKernelManager`; documentation, `cull_busy` False: "Whether to consider culling kernels
  which are busy".
- jupyter_server 2.21, serverapp.py, `_signal_stop`: "Handle a stop signal", after which
  `_cleanup` ends all kernels before the loop is stopped; gateway/managers.py, `shutdown_kernel`,
  raises what is no 404.
- jupyter_server, `init_signal`: SIGINT has a handler on a terminal alone, else it is Python's
  KeyboardInterrupt; jupyterhub, LocalProcessSpawner, and jupyterhub-sshspawner: a stop begins with
  SIGINT, and SIGTERM comes after `interrupt_timeout` (10 s).
- jupyter_server documentation, "Connecting to a gateway"; `GatewayClient.auth_token`;
  `GatewayClient.headers`: "Additional HTTP headers to pass on the request";
  gateway/gateway_client.py, `load_connection_args`: "Ensure the auth header is current".
"""

from __future__ import annotations

import json

import aiohttp
import pytest

from hublab.scenario import Case, HubError, LiveLab, last_server_log, until, user_processes

from .kernel_gateway import ADDRESS, HOST, JUPYTER, LISTS, PORT, Place, gateway, where
from .pages import direct, new_kernel, page, visit

pytestmark = pytest.mark.topology("lab", "payloads")

URL = "server.GatewayClient.url"
TOKEN, HEADERS = "server.GatewayClient.auth_token", "server.GatewayClient.headers"
CULL = "server.MappingKernelManager.cull_idle_timeout"
IDLE = 4
CULLED = 30.0
"""Seconds for a kernel that may be idle for four, with a look each second."""
NEXT_SIGNAL = 10.0
"""Seconds after which the spawner takes a stronger signal."""
WORD = "open-sesame"
PLAIN_SERVER = (
    JUPYTER,
    "server",
    "--ServerApp.ip=0.0.0.0",
    f"--ServerApp.port={PORT}",
    "--ServerApp.open_browser=False",
    # This host has the settings of the case as well, for whatever Jupyter server runs there.
    "--GatewayClient.url=",
)


async def on_gateway(lab: LiveLab) -> set[str]:
    """The kernels that a gateway has, as it says itself."""
    async with lab.channel.session() as nobody, nobody.get(f"{ADDRESS}/api/kernels") as answer:
        return {one["id"] for one in await answer.json()}


@pytest.mark.matrix(URL, [ADDRESS])
@pytest.mark.matrix(CULL, [IDLE])
@pytest.mark.matrix("server.MappingKernelManager.cull_interval", [1])
@pytest.mark.sabotage(CULL, 0)
@pytest.mark.sabotage(
    "server.MappingKernelManager.cull_busy", True, sentence="one that works is spared"
)
async def test_idle_kernels_of_a_gateway(lab: LiveLab) -> None:
    """The user's server culls them, by its own limits; one that works is spared."""
    async with gateway(lab, LISTS):
        alice, server = await visit(lab, "alice")
        busy = await new_kernel(alice, server)
        async with page(alice, server, busy) as tab:
            await tab.start("import time; time.sleep(300)")
        idle = await new_kernel(alice, server)

        async def culled() -> bool:
            return idle not in await on_gateway(lab)

        assert await on_gateway(lab) == {busy, idle}
        await until(culled, what="the idle kernel is gone from the gateway", seconds=CULLED)
        # It was the last to be active, so whatever may be culled is gone by now.
        assert await on_gateway(lab) == {busy}
        assert [one["id"] for one in await alice.api("GET", "kernels")] == [busy]


@pytest.mark.finding(
    "A server whose gateway is gone does not end when it is told to",
    project="jupyter_server",
    steps="GatewayClient.url; start a kernel; end the gateway; send the server SIGTERM.",
    expected="It ends, as one with kernels of its own does.",
    seen="It closes its port and runs on: `shutdown_all` raises the gateway's 503, and what should "
    "stop the loop comes after that. The hub goes on taking it for ready.",
)
@pytest.mark.matrix(URL, ["", ADDRESS])
async def test_a_server_that_is_told_to_end(lab: LiveLab, case: Case) -> None:
    """SIGTERM ends it; once the gateway of its kernel has gone it answers nobody, and runs on.

    To the hub it is ready. The hub's stop ends it at once, for that begins with SIGINT.
    """

    async def processes() -> list[int]:
        found = await user_processes(lab, "alice")
        return [one.pid for one in found if "jupyterhub-singleuser" in one.command]

    async def ended() -> bool:
        return not await processes()

    async def gave_up() -> bool:
        return "in shutdown_all" in await last_server_log(lab, "alice", "node1")

    async with gateway(lab, LISTS) as other:
        alice, server = await visit(lab, "alice")
        await new_kernel(alice, server)
        await other.kill()
    (pid,) = await processes()
    await lab.run("node1", "kill", "-TERM", str(pid))
    if case[URL]:
        await until(gave_up, what="the server has given up ending")
        assert await processes() == [pid]
        async with lab.channel.session() as nobody:
            with pytest.raises(aiohttp.ClientError):
                await nobody.get(direct(server))
        found = await lab.server("alice")
        assert found is not None
        assert found.ready
        assert await lab.stop("alice") < NEXT_SIGNAL
    await until(ended, what="the server has ended")


@pytest.mark.finding(
    "A token in GatewayClient.headers is overwritten by an empty one",
    project="jupyter_server",
    steps='GatewayClient.headers = \'{"Authorization": "token WORD"}\', auth_token not set; a '
    "gateway that wants WORD.",
    expected="'Additional HTTP headers to pass on the request': the gateway lets the server in.",
    seen="403: load_connection_args writes the header anew from auth_token, set or not.",
)
@pytest.mark.matrix(URL, [ADDRESS])
@pytest.mark.matrix(HEADERS, [json.dumps({"Authorization": f"token {WORD}"})])
@pytest.mark.matrix(TOKEN, ["", WORD])
@pytest.mark.sabotage(
    "server.snippet",
    "../changes/gateways_get_the_headers.py",
    sentence="A token in GatewayClient.headers is overwritten by an empty one",
)
async def test_a_plain_server_as_the_gateway(lab: LiveLab, case: Case) -> None:
    """It takes `auth_token`, lists its kernels, and gives them all of its own environment.

    The same token in `headers` is overwritten by an empty one, and the server in front refused.
    """
    own = {"JUPYTER_TOKEN": WORD, "CUDA_VISIBLE_DEVICES": "0"}
    async with gateway(lab, command=PLAIN_SERVER, environment=own):
        alice, server = await visit(lab, "alice")
        if not case[TOKEN]:
            with pytest.raises(HubError, match="403"):
                await new_kernel(alice, server)
            return
        kernel = await new_kernel(alice, server)
        async with page(alice, server, kernel) as tab:
            found = await where(tab, "HOME", *own)
        assert found == Place("bob", HOST, "/home/bob", {"HOME": "/home/bob", **own})
        assert [one["id"] for one in await alice.api("GET", "kernels")] == [kernel]
        assert (await alice.api("GET", "status"))["kernels"] == 1
