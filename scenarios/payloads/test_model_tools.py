"""Tools for a language model, called on another host with a hub's token.

Why it matters: a program at somebody's desk may run cells on a node with nothing but a token of the
hub. But it finds no way to sign in by itself, what listens at a port of the node is everybody's on
that node, without a token, and a server made with the protocol's own package refuses the hub's
name. After one call of a tool the stop of a server takes as long as its spawner waits.

Sources:
- Model Context Protocol, specification, "Transports" (Streamable HTTP) and "Authorization": a
  server that wants OAuth answers 401 with WWW-Authenticate.
- jupyter_mcp_server 2.2, jupyter_extension/handlers.py: `/mcp`, "clients must provide a valid
  Jupyter token"; jupyterhub documentation, "API authentication": `token` and `Bearer`.
- jupyter-server-mcp 0.4, extension.py: `mcp_port` 3001, and no authentication of its own.
- anyio, _backends/_asyncio.py, `WorkerThread`: it ends when the root task is done; Python
  documentation, threading: the interpreter waits for threads that are no daemons;
  jupyter_server, `start_ioloop`: "Interrupted...", after which no loop runs.
- python-sdk, server/transport_security.py: `allowed_hosts`, 421 for others; with a host of the
  loopback it allows that one alone.
- configurable-http-proxy 5.3, README: `--proxy-timeout`, none by default.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from yarl import URL

from hublab.scenario import (
    File,
    LiveLab,
    credentials,
    last_activity,
    last_server_log,
)

from .model_tools import PORT, ask_model_side, endpoint, own_server
from .pages import new_kernel, visit

pytestmark = pytest.mark.topology("lab", "model-tools")

EXTENSIONS = "server.ServerApp.jpserver_extensions"
CELL = "import os; print(6 * 7, os.uname().nodename, os.path.expanduser('~'))"
OWN = f"proxy/{PORT}/mcp"
ON_PORT = "proxy/3001/mcp"
AT_LOOPBACK = URL("http://localhost:3001/mcp")
"""The same for whoever is on the host: it is CLIENT, on which bob is."""


@pytest.mark.sabotage(EXTENSIONS, {"jupyter_mcp_server": False})
async def test_a_cell_by_a_hubs_token(lab: LiveLab) -> None:
    """It runs on the node as the token's owner, with both spellings of the header.

    Without a right to the server the client gets 403 and no word of where to sign in.
    """
    alice, server = await visit(lab, "alice")
    url = endpoint(lab, "alice", "mcp")
    call = ("execute_code", {"code": CELL, "kernel_id": await new_kernel(alice, server)})
    await (await lab.hub()).ensure_user("bob")
    async with (
        credentials(lab, "alice", token=True) as owner,
        credentials(lab, "bob", token=True) as other,
    ):
        for scheme in ("token", "Bearer"):
            seen = await ask_model_side(lab, url, f"{scheme} {owner.token}", call)
            assert "execute_code" in seen["tools"]
            assert "42 node1 /home/alice" in seen["answers"][0]
        for refused in (f"token {other.token}", "token unknown"):
            assert await ask_model_side(lab, url, refused) == {"refused": [403, None]}


@pytest.mark.issue(
    "modelcontextprotocol/python-sdk#1798",
    happens=True,
    workaround="TransportSecuritySettings.allowed_hosts with the hub's name",
)
@pytest.mark.sabotage(EXTENSIONS, {"jupyter_server_proxy": False})
async def test_a_server_of_ones_own(lab: LiveLab) -> None:
    """It answers 421 to the hub's name, which is the Host that it is given, until it allows it."""
    await visit(lab, "alice")
    url = endpoint(lab, "alice", OWN)
    async with credentials(lab, "alice", token=True) as owner:
        header = f"token {owner.token}"
        async with own_server(lab):
            assert await ask_model_side(lab, url, header) == {"refused": [421, None]}
        async with own_server(lab, url.authority):
            seen = await ask_model_side(lab, url, header, ("wait", {"seconds": 0}))
            assert seen == {"tools": ["wait"], "answers": ["waited 0"]}


@pytest.mark.slow
@pytest.mark.sabotage("proxy.proxy-timeout", 5000)
async def test_a_call_that_takes_long(lab: LiveLab) -> None:
    """Ninety seconds without a byte are not cut, and are no activity until they end."""
    _, server = await visit(lab, "alice")
    url = endpoint(lab, "alice", OWN)
    async with credentials(lab, "alice", token=True) as owner, own_server(lab, url.authority):
        times = await last_activity(lab, server)
        calling = asyncio.create_task(
            ask_model_side(lab, url, f"token {owner.token}", ("wait", {"seconds": 90}))
        )
        await asyncio.sleep(45)
        before = await times.read()
        done, _ = await asyncio.wait({calling}, timeout=30)
        assert not done
        assert "server" not in (await times.read()).moved_since(before)
        assert (await calling)["answers"] == ["waited 90"]
        assert "server" in (await times.read()).moved_since(before)


HOST = "node2"
OFFERS = json.dumps({"MCPExtensionApp": {"mcp_tools": ["os:getcwd"]}}).encode()
"""Her own configuration: a tool that says in which folder her server runs."""
INTERRUPTED, TERMINATED = 4, 2
"""Seconds that the spawner waits after SIGINT and SIGTERM: by default 10 and 5."""


@pytest.mark.finding(
    "Through a hub every client is refused with 421, and the second user of a host has no tools",
    project="jupyter-server-mcp",
    steps="Two users with a server each on one host, with jupyter-server-mcp 0.4.1 as installed "
    "(fastmcp 4.2.3); a client asks each at /user/NAME/proxy/3001/mcp with the user's token.",
    expected="Each has tools of their own there.",
    seen="421: fastmcp takes no Host but those of the loopback. The "
    "port is 3001 for everybody: the second server says in its log that it could not start its "
    "own, and at its address it is the first one's that refuses.",
)
@pytest.mark.sabotage(EXTENSIONS, {"jupyter_server_mcp": False})
async def test_a_port_for_everybody(lab: LiveLab) -> None:
    """It refuses the hub's name, and the second user of the host gets a line in the log."""
    seen = {}
    for user in ("alice", "carol"):
        await visit(lab, user, on=HOST)
        async with credentials(lab, user, token=True) as who:
            url = endpoint(lab, user, ON_PORT)
            seen[user] = await ask_model_side(lab, url, f"token {who.token}")
    assert seen == {user: {"refused": [421, None]} for user in ("alice", "carol")}
    assert "Failed to start MCP server" not in await last_server_log(lab, "alice", HOST)
    assert "Failed to start MCP server" in await last_server_log(lab, "carol", HOST)


@pytest.mark.finding(
    "A server of which a tool was called does not end by SIGINT",
    project="jupyter-server-mcp",
    steps="jupyter-server-mcp 0.4.1 with mcp_tools = ['os:getcwd']; a client calls the tool and "
    "leaves; the hub stops the server.",
    expected="It ends within a second, as before the call.",
    seen="It logs 'Interrupted...' and runs on until SIGKILL: a plain function is called in a "
    "thread of anyio's that ends when the loop's task does, and Python waits for that thread. A "
    "server that gets SIGTERM first ends at once.",
)
@pytest.mark.matrix("hub.SSHSpawner.interrupt_timeout", [INTERRUPTED])
@pytest.mark.matrix("hub.SSHSpawner.term_timeout", [TERMINATED])
@pytest.mark.sabotage(EXTENSIONS, {"jupyter_server_mcp": False})
@pytest.mark.sabotage(
    "server.snippet",
    "../changes/interrupts_are_handled.py",
    sentence="the stop of her server waits for SIGKILL",
)
async def test_a_tool_that_anybody_may_call(lab: LiveLab) -> None:
    """Whoever has an account on the host calls it without a word of who that is; after one call
    the stop of her server waits for SIGKILL.
    """
    folder = "/home/alice/.jupyter"
    await lab.run(HOST, "mkdir", "-p", folder, user="alice")
    await lab.put_files(HOST, folder, [File("jupyter_server_config.json", OFFERS)])
    await visit(lab, "alice", on=HOST)
    assert await lab.stop("alice") < INTERRUPTED
    await visit(lab, "alice", on=HOST)
    seen = await ask_model_side(lab, AT_LOOPBACK, "", ("getcwd", {}))
    assert seen == {"tools": ["getcwd"], "answers": ["/home/alice"]}
    assert await lab.stop("alice") > INTERRUPTED + TERMINATED
