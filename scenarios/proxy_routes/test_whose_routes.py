"""What the hub mends in the proxy's table, and what it leaves to others.

Why it matters: a proxy that is shared, edited by hand or filled by two hubs holds routes of many
origins. The hub takes all that bear its mark for its own, whoever wrote them, and deletes what
it does not know; what lacks the mark it never touches, even where that shadows its servers.

Sources:
- jupyterhub/proxy.py, `Proxy.check_routes`: missing routes are added, targets that differ
  updated, stale ones deleted; `extra_routes` written each time.
- The same, `ConfigurableHTTPProxy.get_all_routes`: "exclude routes not associated with
  JupyterHub", which lack the key `jupyterhub`.
- jupyterhub#1201: "we should prune routes we don't know about … also do this once on startup".
"""

from __future__ import annotations

from typing import Any

import pytest

from hublab.scenario import Case, LiveLab, add_route, drop_route, proxy_routes

EXTRA = "hub.Proxy.extra_routes"
NOWHERE = "http://198.18.255.9:1"
"""An address that no host here has."""
MARK = {"jupyterhub": True}

pytestmark = pytest.mark.topology("lab")


Table = dict[str, dict[str, Any]]


async def table(lab: LiveLab) -> Table:
    """The proxy's table as it was written, without times."""
    return {
        route.spec: {key: value for key, value in route.data.items() if key != "last_activity"}
        for route in await proxy_routes(lab)
    }


def targets(of: Table) -> dict[str, str]:
    """Path to target."""
    return {path: route["target"] for path, route in of.items()}


@pytest.mark.matrix(EXTRA, [{}, {"/docs/": "http://hub:8081"}])
@pytest.mark.issue(
    "jupyterhub#1201",
    happens=False,
    workaround="check_routes prunes what bears the hub's mark, at its start and at each check "
    "(0.8)",
)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/check_deletes_foreign_routes.py", sentence="what it leaves to others"
)
async def test_a_check_corrects_the_hubs_routes_alone(lab: LiveLab, case: Case) -> None:
    """Wrong, missing, stale, foreign and extra routes, before and after one check."""
    server = await lab.spawn("alice", on="node1")
    await lab.spawn("bob", on="node2")
    bob = await lab.server("bob")
    assert bob is not None
    before = await table(lab)
    wanted = {"/docs": "http://hub:8081"} if case[EXTRA] else {}
    assert targets(before) == {
        "/": "http://hub:8081",
        "/user/alice": f"http://{server.address}:{server.port}",
        "/user/bob": f"http://{bob.address}:{bob.port}",
        **wanted,
    }

    await add_route(lab, "/", NOWHERE, hub=True, **MARK)  # the hub's own: updated
    await add_route(lab, "/user/alice", NOWHERE, user="alice", server_name="", **MARK)  # updated
    await drop_route(lab, "/user/bob")  # missing: added
    await drop_route(lab, "/docs")  # extra: written again
    await add_route(lab, "/user/ghost", NOWHERE, user="ghost", server_name="", **MARK)  # stale
    await add_route(lab, "/services/old", NOWHERE, service="old", **MARK)  # stale
    await add_route(lab, "/other", NOWHERE)  # foreign: stays
    await add_route(lab, "/user/alice/lab", NOWHERE, user="alice")  # foreign, and in the way

    await (await lab.hub()).check_routes()
    foreign = {"/other": {}, "/user/alice/lab": {"user": "alice"}}
    assert await table(lab) == before | {
        path: {"target": NOWHERE, **data} for path, data in foreign.items()
    }
