"""Hub and nodes with different versions of JupyterHub: they work together, and are suspected.

Why it matters: several hosts are upgraded one after the other, and users' environments on nodes
are not upgraded at all. For that time the versions differ, both logs say that it may fail, and
whatever else fails is blamed on it.

Sources:
- Jupyter forum, "About JupyterHub and JupyterLab dependencies" (24794), by a maintainer: "This
  should ideally match, but as long as the major version matches, it should work".
- jupyterhub/_version.py, `_check_version`: other major versions are a warning, "could cause
  failure to authenticate and result in redirect loops", said by the hub (jupyterhub/user.py,
  `_wait_up`) and by the server (`check_hub_version`).
- jupyterhub/handlers/base.py, `_redirect_to_user_server`: any redirect loop is explained by the
  versions, if they differ.
- jupyterhub#2832: that explanation, while "there is something else that is failing".
"""

from __future__ import annotations

import pytest

from hublab.scenario import NAVIGATE, LiveLab, last_server_log, placement

SINGLEUSER = "/opt/jupyter/bin/jupyterhub-singleuser"
OLD, NEW = "5.4.6", "6.1.1"
WARNING = "jupyterhub version {} != jupyterhub-singleuser version {}. This could cause failure"
# Slow: images of their own, with the older version, are built when they are missing.
pytestmark = pytest.mark.slow
SILENT = pytest.mark.sabotage("hub.snippet", "../changes/says_nothing_of_versions.py")


async def version_on(lab: LiveLab, host: str, program: str) -> str:
    return (await lab.run(host, program, "--version")).strip()


async def works(lab: LiveLab, user: str) -> str:
    """The node on which a cell of the user's runs, after a sign-in by OAuth at the hub."""
    visitor = await lab.sign_in(user)
    await visitor.open_server()
    return (await placement(lab, await lab.enter(visitor.kernel()))).hostname


@pytest.mark.topology("lab", "older-node")
@SILENT
async def test_an_older_node_works_and_is_warned_of(lab: LiveLab) -> None:
    """Two nodes, two versions, one hub: both work, and only the older one is warned of."""
    assert await version_on(lab, "node1", SINGLEUSER) == NEW
    assert await version_on(lab, "node2", SINGLEUSER) == OLD
    for user, node in (("alice", "node1"), ("bob", "node2")):
        await lab.spawn(user, on=node)
        assert await works(lab, user) == node
    warning = WARNING.format(NEW, OLD)
    assert (await lab.hub_log()).count(warning) == 1
    assert warning in await last_server_log(lab, "bob", "node2")
    assert "This could cause failure" not in await last_server_log(lab, "alice", "node1")


@pytest.mark.issue("jupyterhub#2832", happens=True, workaround="look for what breaks the route")
@pytest.mark.topology("lab", "older-node")
# Shortened: with the default limit of 4 the hub pauses for some 14 s.
@pytest.mark.matrix("hub.JupyterHub.tornado_settings", [{"user_redirect_limit": 1}])
@SILENT
async def test_the_version_is_blamed_for_another_cause(lab: LiveLab) -> None:
    """A user at the hub's own port: the loop has another cause, and the page names this one."""
    await lab.spawn("bob", on="node2")
    assert await works(lab, "bob") == "node2"
    hub = f"http://{lab.one('hub').service}:8081"
    async with (
        await lab.sign_in("bob", at=hub) as visitor,
        visitor.session.get(visitor.server_url(), headers=NAVIGATE) as page,
    ):
        assert page.status == 500
        words = f"Notebook has jupyterhub version {OLD}, but the Hub expects {NEW}."
        assert words in await page.text()


@pytest.mark.topology("lab", "older-hub")
@SILENT
async def test_an_older_hub_works_and_is_warned_of(lab: LiveLab) -> None:
    """Newer servers under an older hub: a spawn, a sign-in and a cell, and both warn."""
    assert await version_on(lab, "hub", "/opt/jupyter/bin/jupyterhub") == OLD
    assert await version_on(lab, "node1", SINGLEUSER) == NEW
    await lab.spawn("alice", on="node1")
    assert await works(lab, "alice") == "node1"
    assert WARNING.format(OLD, NEW) in await lab.hub_log()
    assert WARNING.format(OLD, NEW) in await last_server_log(lab, "alice", "node1")
