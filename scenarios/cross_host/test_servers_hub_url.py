"""`Spawner.hub_connect_url`: what servers alone are told of the hub.

Why it matters: nodes often see the hub under another address than the proxy does, through a
gateway, NAT, or the proxy itself. The setting changes the servers' way only, so that sign-in and
every page go on working while no server starts.

Sources:
- JupyterHub documentation, `Spawner.hub_connect_url`: "If the Hub URL set in your JupyterHub
  config is not reachable from spawned notebooks, you can set differnt URL by this config."
- jupyterhub/spawner.py, `get_env`: JUPYTERHUB_API_URL is this URL followed by the path of the
  hub's API, so a URL that names the API already has it twice.
- jupyterhub/singleuser/extension.py, `check_hub_version`: any answer but a good one counts as
  "Failed to connect to my Hub".
- `SSHSpawner.preflight_hub_check`: the node opens a connection to the hub before a start.
- NERSC/sshspawner#35: a URL of the spawner's own is not needed where hub_connect_ip is right.
- silx-kit/jupyterhub_moss#122: nodes that reach the head node's public port alone; the workaround
  was `hub_connect_url` with the proxy's port.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from hublab.scenario import (
    Case,
    HopDiagnosis,
    HubError,
    LiveLab,
    api_url_of_server,
    diagnose,
    last_server_log,
    reach,
    until,
)

OWN = "hub.Spawner.hub_connect_url"
ALIVE, REFUSED, LOST = "starts", "is refused before it starts", "never finds the API"

pytestmark = pytest.mark.topology("lab")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a server, the API that it is told, and why."""

    outcome: str
    api: str
    source: str


ROWS = {
    "http://hub:8081": Outcome(ALIVE, "http://hub:8081/hub/api", "NERSC/sshspawner#35"),
    "http://proxy:8000": Outcome(
        ALIVE, "http://proxy:8000/hub/api", "silx-kit/jupyterhub_moss#122"
    ),
    "http://127.0.0.1:8081": Outcome(
        REFUSED, "http://127.0.0.1:8081/hub/api", "preflight_hub_check"
    ),
    "http://hub:8081/hub/api": Outcome(
        LOST, "http://hub:8081/hub/api/hub/api", "spawner.py, get_env"
    ),
}


@pytest.mark.issue(
    "NERSC/sshspawner#35", happens=False, workaround="hub_connect_ip: every server is told it"
)
@pytest.mark.issue(
    "silx-kit/jupyterhub_moss#122", happens=True, workaround="Spawner.hub_connect_url at the proxy"
)
@pytest.mark.matrix(OWN, list(ROWS))
async def test_a_server_starts_where_hub_connect_url_leads_to_the_api(
    lab: LiveLab, case: Case
) -> None:
    """ "Cannot reach the hub": sign-in works, no server starts unless the URL leads to the API."""
    row = ROWS[str(case[OWN])]
    await lab.sign_in("alice")
    if row.outcome == ALIVE:
        server = await lab.spawn("alice", on="node1")
        assert await api_url_of_server(lab, server) == row.api
        assert await broken(lab) == []
    elif row.outcome == REFUSED:
        with pytest.raises(HubError, match=f"cannot reach the hub at {row.api}"):
            await lab.spawn("alice", on="node1")
        assert {(hop.source, hop.setting) for hop in await broken(lab)} == {
            ("node1", OWN),
            ("node2", OWN),
        }
    else:
        await never_finds(lab, row.api)


async def never_finds(lab: LiveLab, api: str) -> None:
    """The server says why in its own log, at its first attempt of five; the end is not awaited."""
    spawning = asyncio.create_task(lab.spawn("alice", on="node1"))

    async def first_attempt() -> bool:
        log = await last_server_log(lab, "alice", "node1")
        return f"Failed to connect to my Hub at {api} (attempt 1/5)" in log

    try:
        await until(first_attempt, seconds=120, what="the server's first attempt in its log")
        hops = await broken(lab)
        assert {(hop.source, hop.url, hop.status, hop.setting) for hop in hops} == {
            (node, api, 404, OWN) for node in ("node1", "node2")
        }
    finally:
        spawning.cancel()
        await asyncio.gather(spawning, return_exceptions=True)


async def broken(lab: LiveLab) -> list[HopDiagnosis]:
    return [hop for hop in diagnose(await reach(lab)) if not hop.ok]
