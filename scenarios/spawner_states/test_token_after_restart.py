"""A server's API token outlives the server when the hub was restarted in between.

Why it matters: the token lies in files and environments of nodes that the server ran on. It is to
end with the server; a hub that is restarted for each change of configuration leaves one behind for
each server that ran across the restart.

Sources:
- jupyterhub 6.1.1, user.py, `User.stop`: "find and remove the API token and oauth client if the
  spawner isn't going to re-use it next time".
- the same, first line of the work: `api_token = spawner.api_token`, which only `User.spawn` sets;
  spawner.py, `get_state`, does not keep it, so that after a restart it is empty.
- `SSHSpawner` keeps the number of the token's row and a checksum (state.py) and revokes it itself.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, DatabaseReader, LiveLab, Server, server_model, until_state

SPAWNER = "hub.JupyterHub.spawner_class"
TOKEN = "tr '\\0' '\\n' < /proc/$1/environ | sed -n 's/^JUPYTERHUB_API_TOKEN=//p'"

pytestmark = pytest.mark.topology("lab")


async def token_of(lab: LiveLab, server: Server) -> str:
    """The token in the environment of a server's process, on a node or on the hub's host."""
    model = await server_model(lab, "alice")
    assert model is not None
    host, user = (server.host, "alice") if server.host else ("hub", "jupyterhub")
    pid = str(model["state"]["pid"])
    token = (await lab.run(host, "sh", "-c", TOKEN, "-", pid, user=user)).strip()
    lab.hide(token)
    return token


async def status_with(lab: LiveLab, token: str) -> int:
    """What the hub answers to one who bears the token: 200 while it is valid."""
    headers = {"Authorization": f"token {token}"}
    url = (await lab.hub()).url / "user"
    async with lab.channel.session(headers=headers) as session, session.get(url) as answer:
        return answer.status


@pytest.mark.finding(
    "The API token of a server that is stopped after a restart of the hub stays valid",
    project="jupyterhub",
    steps="cleanup_servers = False, LocalProcessSpawner or another that does not keep the token in "
    "its state; start a server, restart the hub, stop the server, use JUPYTERHUB_API_TOKEN of the "
    "server's process.",
    expected="403: User.stop removes the token of a server that ends.",
    seen="The token is valid for good: its row stays, for User.stop looks for the token in "
    "spawner.api_token, which is empty after a restart.",
)
@pytest.mark.matrix("hub.JupyterHub.cleanup_servers", [False])
@pytest.mark.matrix(SPAWNER, ["simple", "ssh"])
async def test_a_token_outlives_a_server_that_saw_a_restart(lab: LiveLab, case: Case) -> None:
    """Started before the restart and stopped after it, by two spawners."""
    server = await lab.spawn("alice")
    token = await token_of(lab, server)
    assert await status_with(lab, token) == 200
    await lab.programs.restart("hub")
    await lab.forget_hub()
    await until_state(lab, "alice", "ready")
    await lab.stop("alice")

    left = case[SPAWNER] == "simple"
    rows = (await DatabaseReader(lab).read())["api_tokens"].rows
    assert [row["note"] for row in rows if str(row["note"]).startswith("Server at")] == (
        ["Server at /user/alice/"] if left else []
    )
    assert await status_with(lab, token) == (200 if left else 403)
