"""The hub with which a recipe ends: which of its lines still decide anything.

Why it matters: who sets `admin_access = False` wants administrators kept out of users' notebooks,
and that line has had no effect since roles came. `whitelist` still keeps people out.

Sources:
- The recipe: `c.JupyterHub.admin_access = True`, `c.Authenticator.whitelist = {…}`.
- jupyterhub 6.1.1, auth.py, `Authenticator.whitelist`: "Deprecated, use
  `Authenticator.allowed_users`";
  `_deprecated_trait` passes it on with a warning.
- app.py, `JupyterHub.admin_access`: "DEPRECATED since version 2.0.0. The default admin role has
  full permissions, use custom RBAC scopes instead".
- roles.py, `get_default_roles`: the role `admin` has access:servers.
- app.py, `_deprecated_proxy_api`; traitlets, config/configurable.py, `_load_config`: a name that a
  class does not have is a warning.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Ask, HubError, LiveLab, ask, credentials

pytestmark = pytest.mark.topology("lab", "recipes")

ACCESS = "hub.JupyterHub.admin_access"


@pytest.mark.matrix("hub.Authenticator.whitelist", [["alice"]])
@pytest.mark.matrix("hub.Authenticator.allow_all", [False])
@pytest.mark.matrix(ACCESS, [True, False])
@pytest.mark.sabotage("hub.Authenticator.allow_all", True)
@pytest.mark.finding(
    "admin_access = False keeps no administrator out, and the log does not say so",
    project="jupyterhub",
    steps="c.JupyterHub.admin_access = False; alice's server runs; GET /user/alice/api/status with "
    "a token of an administrator.",
    expected="403 as in versions before 2.0, or a warning when the hub starts, as for "
    "Authenticator.whitelist.",
    seen="200 with False as with True, and no line of the hub's log names the setting.",
)
async def test_who_gets_in_and_where(lab: LiveLab) -> None:
    """`whitelist` keeps others out, with a warning; an administrator reads servers in any case."""
    await lab.spawn("alice", on="node1")
    assert (await lab.sign_in("alice")).user == "alice"
    with pytest.raises(HubError) as refused:
        await lab.sign_in("bob")
    assert refused.value.status == 403
    log = await lab.hub_log()
    assert "Authenticator.whitelist is deprecated" in log
    assert "admin_access" not in log
    async with credentials(lab, "admin", token=True) as admin:
        answer = await ask(lab, Ask("/user/alice/api/status"), admin)
    assert answer.status == 200


RUNNING = "Running JupyterHub version"
PROXY_API = "hub.JupyterHub.proxy_api_ip"


@pytest.mark.matrix(PROXY_API, ["proxy"])
@pytest.mark.matrix("hub.snippet", ["unknown_lines.py"])
@pytest.mark.sabotage(PROXY_API, "")
async def test_lines_of_which_the_hub_warns(lab: LiveLab) -> None:
    """A name of old still holds, one that never was is ignored; a warning each, and it starts."""
    assert (await lab.sign_in("alice")).user == "alice"
    # Configuration is read before the hub says that it runs, and behind what the one before said.
    log = (await lab.logs("hub")).rpartition(RUNNING)[0].rpartition(RUNNING)[2]
    assert "JupyterHub.proxy_api_ip is deprecated in JupyterHub 0.8" in log
    assert "Config option `nonsense` not recognized by `JupyterHub`" in log
