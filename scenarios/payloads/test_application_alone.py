"""An application in place of a user's server: it is ready before it runs, and awake for ever.

Why it matters: `Spawner.cmd` with jupyter-server-proxy's standalone proxy gives each user a
dashboard and no Jupyter. The hub takes it for ready at once, also where the application cannot
start, and of its activity it hears nothing or "now", by the name that the server has.

Sources:
- jupyter-server-proxy 4.6, documentation, "Standalone": `jupyter standaloneproxy -- COMMAND`;
  standalone/app.py: it listens and starts the application at the first request; `timeout` 5 s;
  standalone/activity.py: `if not (activity_url and server_name and api_token)`, where the default
  server's name is empty, and the time of the post, whatever was asked.
- jupyterhub 6.1, spawner.py, `get_env`: `JUPYTERHUB_SERVER_NAME`, empty for the default server.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from hublab.scenario import (
    NAVIGATE,
    Case,
    File,
    HubError,
    LiveLab,
    Undecided,
    server_logs,
    until,
    user_processes,
)

from .user_application import CODE

PROXY = ("/opt/jupyter/bin/jupyter-standaloneproxy", "--activity-interval=1")
ALONE = (*PROXY, "--")
PYTHON = "/opt/jupyter/bin/python"
APPLICATION = (PYTHON, "/home/alice/application.py", "{port}")
RUNS = [*ALONE, *APPLICATION]
ENDS = [*ALONE, PYTHON, "-c", "raise SystemExit(1)"]
LATER = ("sh", "-c", 'sleep 8; exec "$0" "$@"', *APPLICATION)
"""It listens after more than the default `timeout` of 5 s."""
TAKES_LONG = [*ALONE, *LATER]
IS_GIVEN_LONG = [*PROXY, "--timeout=30", "--", *LATER]
CMD = "hub.Spawner.cmd"
MISSING = "Could not find environment variables to send notification to JupyterHub"
QUIET = 4.0
"""Seconds without a report, of which there is one each second."""

pytestmark = [
    pytest.mark.topology("lab", "payloads"),
    pytest.mark.matrix("hub.JupyterHub.activity_resolution", [0]),
    pytest.mark.matrix("hub.JupyterHub.last_activity_interval", [0]),
]


async def last_reported(lab: LiveLab, name: str) -> str:
    """When the hub believes that a server was active."""
    model = await (await lab.hub()).server("alice", name)
    assert model is not None
    return str(model["last_activity"])


async def reports(lab: LiveLab, name: str) -> bool:
    """Whether the hub hears of activity while nobody asks anything of the server."""
    before = await last_reported(lab, name)

    async def moved() -> bool:
        return await last_reported(lab, name) != before

    try:
        return await until(moved, what="a report", seconds=QUIET)
    except Undecided:
        return False


@pytest.mark.matrix(CMD, [TAKES_LONG, IS_GIVEN_LONG])
async def test_an_application_that_takes_long(lab: LiveLab, case: Case) -> None:
    """It has five seconds to listen, from the first request on, and with `--timeout` more.

    The hub has called it ready before.
    """
    await lab.put_files("node1", "/home/alice", [File("application.py", CODE)])
    server = await lab.spawn("alice", on="node1")
    assert server.ready
    assert not [
        one for one in await user_processes(lab, "alice") if one.command.startswith("sh -c sleep")
    ]
    alice = await lab.sign_in("alice")
    if case[CMD] == TAKES_LONG:
        with pytest.raises(HubError, match="500"):
            await alice.open_server()
    else:
        await alice.open_server()


@pytest.mark.finding(
    "A default server with the standalone proxy never reports activity, a named one always does",
    project="jupyter-server-proxy",
    steps="c.Spawner.cmd = ['jupyter-standaloneproxy', '--activity-interval=1', '--', …]; a "
    "default server and a named one; nobody opens either.",
    expected="'regular activity updates to the JupyterHub': when somebody used it, for both.",
    seen="The default server's log says 'Could not find environment variables', because the empty "
    "name counts as missing; the named one reports the present for ever.",
)
@pytest.mark.matrix(CMD, [RUNS, ENDS])
async def test_an_application_for_a_server(lab: LiveLab, case: Case) -> None:
    """Ready whether the application can run or not; it does behind the hub's sign-in, or is 500."""
    await lab.put_files("node1", "/home/alice", [File("application.py", CODE)])
    await lab.spawn("alice", on="node1")
    alice = await lab.sign_in("alice")
    url = alice.server_url()
    if case[CMD] == ENDS:
        with pytest.raises(HubError, match="500"):
            await alice.open_server()
        model = await lab.server("alice")
        assert model is not None
        assert model.ready
        return
    await alice.open_server()
    async with alice.session.get(url / "a") as answer:
        seen: dict[str, Any] = json.loads(await answer.text())
    assert seen["path"] == "/a"
    headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(alice.origin)}
    async with alice.session.ws_connect(url / "socket", headers=headers) as page:
        assert json.loads(await page.receive_str())["path"] == "/socket"
    async with (
        lab.channel.session() as nobody,
        nobody.get(url / "a", headers=NAVIGATE, allow_redirects=False) as answer,
    ):
        assert answer.status == 302
        assert "/hub/api/oauth2/authorize" in answer.headers["Location"]
    await lab.spawn("alice", "named", on="node1")
    assert await reports(lab, "named")
    assert not await reports(lab, "")
    own, named = [one.text for one in (await server_logs(lab, "alice", "node1"))[-2:]]
    assert MISSING in own
    assert MISSING not in named
