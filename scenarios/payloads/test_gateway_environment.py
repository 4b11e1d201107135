"""What a kernel of a gateway knows of its two hosts: PATH, its notebook's folder, what is allowed.

Why it matters: a host for kernels is set up by its environment, with libraries and devices. Whoever
tries its gateway by hand finds all of it; a kernel that a Jupyter server asks for finds none. And a
variable that the hub gives to every user arrives where two administrators have each allowed it.

Sources:
- jupyter_kernel_gateway 3.0, kernel_gateway/services/kernels/handlers.py, `post`: with an `env` in
  the request "Start with the PATH from the current env. Do not provide the entire environment",
  then `env_process_whitelist`, then `KERNEL_` and `env_whitelist` of what was sent.
- jupyter_server 2.21, gateway/managers.py, `start_kernel`: an `env` in each request, with what
  begins with `KERNEL_` and what `GatewayClient.allowed_envs` names; "Convey the full path to where
  this notebook file is located", as KERNEL_WORKING_DIR.
- jupyter_server documentation, `GatewayClient.allowed_envs`: "The corresponding `client_envs`
  configuration value must also be set on the Gateway server".
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, LiveLab

from .kernel_gateway import ADDRESS, HOST, Place, gateway, where
from .pages import Page, new_kernel, page, visit

DEVICES = "CUDA_VISIBLE_DEVICES"
KEEPS = [f"--KernelGatewayApp.env_process_whitelist={one}" for one in (DEVICES, "HOME")]
COURSE, FOLDER = "COURSE", "KERNEL_WORKING_DIR"
ALLOWED = "server.GatewayClient.allowed_envs"
TAKES = f"--JupyterWebsocketPersonality.env_whitelist={COURSE}"

pytestmark = [
    pytest.mark.topology("lab", "payloads"),
    pytest.mark.matrix("server.GatewayClient.url", [ADDRESS]),
]


async def by_hand(lab: LiveLab, *names: str) -> Place:
    """Where a kernel is that somebody asks the gateway for without an `env`."""
    async with lab.channel.session() as session:
        async with session.post(f"{ADDRESS}/api/kernels", json={}) as answer:
            assert answer.status == 201
            kernel = str((await answer.json())["id"])
        channels = f"{ADDRESS}/api/kernels/{kernel}/channels"
        async with session.ws_connect(channels, max_msg_size=0) as socket:
            return await where(Page(socket, kernel), *names)


@pytest.mark.issue(
    "jupyter-server/kernel_gateway#361",
    happens=True,
    workaround="KernelGatewayApp.env_process_whitelist, once for each name",
)
@pytest.mark.sabotage("server.snippet", "../changes/gateways_are_sent_no_environment.py")
async def test_what_a_gateway_gives_of_its_own(lab: LiveLab) -> None:
    """Nothing but PATH to a Jupyter server, not even HOME; by hand all; or what an option names."""
    names = (DEVICES, "HOME")
    all_of_it = {DEVICES: "0", "HOME": "/home/bob"}
    async with gateway(lab, environment={DEVICES: "0"}) as other:
        assert (await by_hand(lab, *names)).variables == all_of_it
        alice, server = await visit(lab, "alice")
        async with page(alice, server, await new_kernel(alice, server)) as tab:
            assert (await where(tab, "PATH", *names)).variables.keys() == {"PATH"}
        await other.kill()
        await other.start(*KEEPS)
        async with page(alice, server, await new_kernel(alice, server)) as tab:
            assert (await where(tab, *names)).variables == all_of_it


@pytest.mark.matrix("hub.Spawner.environment", [{COURSE: "physics"}])
@pytest.mark.matrix(ALLOWED, ["", COURSE])
@pytest.mark.sabotage(
    "server.ServerApp.root_dir", "/", sentence="the notebook's folder comes as a variable"
)
async def test_what_a_server_hands_on(lab: LiveLab, case: Case) -> None:
    """A variable of its user's where server and gateway both allow it; in any case
    the notebook's folder comes as a variable, of a place that the gateway has not.
    """
    seen = {}
    notebook = {"path": "week1/notebook.ipynb"}
    await lab.run("node1", "mkdir", "/home/alice/week1", user="alice")
    alice, server = await visit(lab, "alice")
    for options in ((), (TAKES,)):
        async with gateway(lab, *options):
            kernel = str((await alice.api("POST", "kernels", json=notebook))["id"])
            async with page(alice, server, kernel) as tab:
                found = await where(tab, COURSE, FOLDER)
            assert (found.host, found.folder) == (HOST, "/home/bob")
            assert found.variables[FOLDER] == "/home/alice/week1"
            seen[options] = found.variables.get(COURSE)
    assert seen == {(): None, (TAKES,): "physics" if case[ALLOWED] else None}
