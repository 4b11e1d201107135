"""A command that drops its environment on the way: the server ends, or is ready and of no use.

Why it matters: on one machine a spawner's child inherits what the hub gives it; on another there is
sudo, a job script, a container or a login shell in between, and most of them begin with a clean
environment. What a server must know (its token, its address, where the hub is) it has from there.

Sources:
- JupyterHub documentation, "Spawners", "Environment variables and command-line arguments": what
  `get_env` returns must reach the server.
- jupyterhub 6.1.1, singleuser/extension.py, `load_config_file`: KeyError without
  JUPYTERHUB_SERVICE_URL; nothing of the kind for JUPYTERHUB_API_TOKEN.
- jupyterhub#2678: "JUPYTERHUB_API_TOKEN env is required to run jupyterhub-singleuser. Did you
  launch it manually?" behind sudo; singleuser/mixins.py has it still, for the older kind of server.
- env(1): `-i` starts with an empty environment, `-u` without one variable.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, HubError, LiveLab, last_server_log

COMMAND = "hub.Spawner.cmd"
SINGLEUSER = "/opt/jupyter/bin/jupyterhub-singleuser"
KEPT, LOST = ["env", SINGLEUSER], ["env", "-i", SINGLEUSER]
NO_TOKEN = ["env", "-u", "JUPYTERHUB_API_TOKEN", "-u", "JPY_API_TOKEN", SINGLEUSER]

pytestmark = pytest.mark.topology("lab")


@pytest.mark.issue(
    "jupyterhub#2678", happens=True, workaround="what is in between keeps JUPYTERHUB_*"
)
@pytest.mark.finding(
    "A server that was started without its token is ready, and nobody can open it",
    project="jupyterhub",
    steps="Spawner.cmd = ['env', '-u', 'JUPYTERHUB_API_TOKEN', '-u', 'JPY_API_TOKEN', "
    "'jupyterhub-singleuser']; start a server and open it.",
    expected="The server ends with 'JUPYTERHUB_API_TOKEN env is required to run "
    "jupyterhub-singleuser. Did you launch it manually?', as it did before it was an extension "
    "(singleuser/mixins.py, init_hub_auth).",
    seen="It starts, the hub calls it ready, and its user gets 500 at /oauth_callback: 'Failed to "
    "check authorization: invalid_client'. Its log has one line of it before, of another thing: "
    "'Error notifying Hub of activity: 403'.",
)
@pytest.mark.matrix(COMMAND, [KEPT, NO_TOKEN, LOST])
async def test_a_server_without_its_environment_ends_or_is_of_no_use(
    lab: LiveLab, case: Case
) -> None:
    """env alone passes everything on; without the token it seems to work; with nothing it ends."""
    if case[COMMAND] == LOST:
        with pytest.raises(HubError, match="did not start"):
            await lab.spawn("alice", on="node1")
        log = await last_server_log(lab, "alice", "node1")
        assert "Missing required environment $JUPYTERHUB_SERVICE_URL" in log
        return
    assert (await lab.spawn("alice", on="node1")).ready
    visitor = await lab.sign_in("alice")
    if case[COMMAND] == KEPT:
        await visitor.open_server()
        return
    with pytest.raises(HubError, match="did not open: 500"):
        await visitor.open_server()
    log = await last_server_log(lab, "alice", "node1")
    assert "Failed to check authorization: invalid_client" in log
    assert "JUPYTERHUB_API_TOKEN" not in log
