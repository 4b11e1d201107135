"""The hub ends, comes back, or moves: what its routes are meanwhile, and who corrects them.

Why it matters: a proxy on another host outlives the hub. Its table says where the hub was and
which servers ran; until the hub is back nobody corrects it, and a hub that comes back elsewhere
must put its own address right, or it runs and is never found.

Sources:
- jupyterhub/app.py, `cleanup`: at SIGTERM servers are stopped (`cleanup_servers`); the proxy is
  stopped only where the hub started it.
- jupyterhub/proxy.py, `check_routes`, at the hub's start: "Updating Hub route", "Deleting stale
  route".
- configurable-http-proxy 5.3, lib/configproxy.js, `handleProxyError`: the error target is the
  hub; where that is gone too, the status' name is the whole body (`_handleProxyErrorDefault`).
- jupyterhub#1296: "if we change hub_connect_ip or port between restarts, the proxy route will
  never be updated"; jupyterhub#775: entries of servers that were stopped with the hub stay.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, LiveLab, Settings, UrlRow, credentials, proxy_routes, wrong_rows

CONNECT = "hub.JupyterHub.hub_connect_ip"
CLEANUP = "hub.JupyterHub.cleanup_servers"

pytestmark = pytest.mark.topology("lab")


async def targets(lab: LiveLab) -> dict[str, str]:
    """The proxy's table: path to target."""
    return {route.spec: route.target for route in await proxy_routes(lab)}


@pytest.mark.matrix(CONNECT, ["hub"])
@pytest.mark.sabotage("hub.snippet", "../changes/hub_route_stays.py")
@pytest.mark.issue(
    "jupyterhub#1296",
    happens=False,
    workaround="check_routes at the hub's start compares the target and updates it (0.8)",
)
async def test_a_moved_hubs_route_follows(lab: LiveLab) -> None:
    """Restarted under another address: its route follows, that of a server that runs stays."""
    server = await lab.spawn("alice", on="node1")
    alice = {"/user/alice": f"http://{server.address}:{server.port}"}
    assert await targets(lab) == {"/": "http://hub:8081", **alice}

    address = str(lab.host("hub").address)
    await lab.apply_settings(Settings({**await lab.settings(), CONNECT: address}))
    await lab.forget_hub()
    assert await targets(lab) == {"/": f"http://{address}:8081", **alice}
    log = await lab.hub_log()
    assert "Updating Hub route http://hub:8081" in log


@pytest.mark.matrix(CLEANUP, [True, False])
@pytest.mark.issue(
    "jupyterhub#775",
    happens=True,
    workaround="the hub's next start deletes them; with cleanup_servers = False they stay true",
)
async def test_a_stopped_hub_leaves_the_table_as_it_was(lab: LiveLab, case: Case) -> None:
    """By SIGTERM, as service managers do it: the table is as it was, and half of it is wrong."""
    runs_on = str(case[CLEANUP]) == "False"
    await lab.spawn("alice", on="node1")
    # By the cookies of her server, which go on being good without a hub for some minutes.
    people = {"alice": await lab.enter(credentials(lab, "alice", server=""))}
    call = UrlRow("alice", "GET /user/alice/api/status", "200 json", "urls.md: the server answers")
    assert not await wrong_rows(lab, [call], people)
    before = await targets(lab)

    await lab.programs.stop("hub", 60)
    assert await targets(lab) == before
    default = "configproxy.js, _handleProxyErrorDefault: 503 and nothing but its name"
    rows = [
        call if runs_on else UrlRow("alice", "GET /user/alice/api/status", "503 untyped", default),
        UrlRow("alice", "GET /hub/login", "503 untyped", default),
        UrlRow("alice", "GET /_chp_healthz", "200 json", "configproxy.js, handleHealthCheck"),
    ]
    wrong = await wrong_rows(lab, rows, people)
    assert not wrong, "\n".join(wrong)

    await lab.programs.start("hub")
    await lab.programs.until_ready("hub")
    await lab.forget_hub()
    assert await targets(lab) == (before if runs_on else {"/": before["/"]})
