"""A server that accepts connections and stays silent: `Spawner.http_timeout` is no deadline.

Why it matters: a refused connection is an answer. A node that swaps, a file system that hangs, or
a process that was stopped accepts and says nothing. The hub then waits for five minutes whatever
its settings say, the user can neither use nor stop nor restart the server, and the log tells in
the end that it waited for seconds.

Sources:
- JupyterHub documentation, `Spawner.http_timeout`: "Timeout (in seconds) before giving up on a
  spawned HTTP server"; the amount of time "before assuming that the server is unable to accept
  connections".
- jupyterhub/utils.py, `exponential_backoff`: the deadline is looked at between two attempts.
- jupyterhub/httpclient.py, `JupyterHubHTTPClient.session_options`: an attempt takes as long as
  aiohttp's ClientTimeout says, in all 300 s by default.
"""

from __future__ import annotations

import time

import pytest

from hublab.scenario import Case, LiveLab, Undecided, until

CLIENT = "hub.snippet"
COMMAND = "hub.Spawner.cmd"
SILENT = """
import os, socket, time
from urllib.parse import urlsplit
server = socket.create_server(("", urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port))
time.sleep(900)
"""
SHORT = 1
"""`http_timeout` in seconds; an attempt of the hasty client takes two."""
WINDOW = 9.0
"""Seconds in which a hub that keeps to its timeout has given up, many times over."""
AIOHTTPS, SLACK = 300.0, 40.0
"""Seconds of aiohttp's default for one request, and what a busy machine may add."""
GENEROUS = 120.0
"""Seconds in which a hub that gives up has done so on the busiest machine."""

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix(COMMAND, [["/opt/jupyter/bin/python", "-c", SILENT]]),
    pytest.mark.matrix("hub.Spawner.http_timeout", [SHORT]),
]
FINDING = pytest.mark.finding(
    "Spawner.http_timeout is no deadline for a server that accepts and does not answer",
    project="jupyterhub",
    steps=f"http_timeout = {SHORT}; spawn a process that listens and never answers.",
    expected=f"The hub gives up after about {SHORT} s (documentation of http_timeout; its own log "
    f"says 'after {SHORT} seconds').",
    seen="It gives up after 300 s, aiohttp's default for one request: the deadline is only looked "
    "at between requests. With JupyterHubHTTPClient.session_options = {'timeout': "
    "ClientTimeout(total=2)} it gives up in seconds.",
)


async def begin(lab: LiveLab) -> None:
    """Have the hub start alice's server; returns when its process listens."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    await hub.start_server("alice", "", {"host": "node1"})

    async def listens() -> bool:
        server = await lab.server("alice")
        return bool(server and server.port)

    await until(listens, seconds=120, what="the server's port")


async def gave_up(lab: LiveLab, seconds: float) -> bool:
    """Whether the hub gives up in this time."""

    async def said() -> bool:
        return f"never showed up at http://{node}:" in await lab.hub_log()

    node = lab.host("node1").address
    try:
        return await until(said, seconds=seconds, what="that the hub gives up", poll=0.5)
    except Undecided:
        return False


@FINDING
@pytest.mark.matrix(CLIENT, ["snippets/patient_client.py", "snippets/hasty_client.py"])
@pytest.mark.matrix("hub.JupyterHub.tornado_settings", [{"slow_spawn_timeout": 0}])
async def test_http_timeout_holds_only_with_a_hasty_client(lab: LiveLab, case: Case) -> None:
    """Shortened by the client's own timeout: with it the hub keeps its word, without it not."""
    hasty = "hasty_client.py" in str(case[CLIENT])
    await begin(lab)
    assert await gave_up(lab, GENEROUS if hasty else WINDOW) == hasty
    model = await (await lab.hub()).server("alice")
    assert bool(model and model["pending"] == "spawn") == (not hasty)


@FINDING
@pytest.mark.slow
@pytest.mark.sabotage(COMMAND, ["false"])
async def test_the_hub_gives_up_after_five_minutes(lab: LiveLab) -> None:
    """The defaults but for `http_timeout`: the hub gives up when aiohttp does."""
    await begin(lab)
    begun = time.monotonic()
    assert await gave_up(lab, 400)
    assert AIOHTTPS - SLACK < time.monotonic() - begun < AIOHTTPS + SLACK
