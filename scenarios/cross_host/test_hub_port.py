"""A user who opens the hub's port and not the proxy's: sign-in works, every server is a loop.

Why it matters: with hub and proxy on different hosts there are two addresses that show the same
sign-in page, and only one leads to servers. A bookmark, a load balancer or a firewall rule for
the other one is found out after the sign-in, as "Redirect loop detected".

Sources:
- JupyterHub documentation, `hub_port`: "It should never be accessed directly. See JupyterHub.port
  for the public port"; "Technical overview": servers are reached through the proxy.
- jupyterhub/handlers/base.py, `UserUrlHandler.get`: "If people visit /user/:user_name directly on
  the Hub, the redirects will just loop … Try to check for that and warn"; it compares the port
  with `hub.connect_port`, which objects.py leaves at 0 (the port is in `_connect_port`).
- jupyterhub/handlers/base.py, `_redirect_to_user_server`: 500 after `user_redirect_limit` (4).
- jupyterhub#2081: the hub's port opened, "Redirect loop detected"; jupyterhub#1217 shows the
  warning in the log of version 0.8.
"""

from __future__ import annotations

import pytest

from hublab.hub import hub_run
from hublab.live import LiveLab
from hublab.visitor import NAVIGATE, sign_in

LIMIT = "hub.JupyterHub.tornado_settings"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.issue("jupyterhub#2081", happens=True, cure="the proxy's address")
@pytest.mark.finding(
    "The warning for users who open the hub's own port is never logged",
    project="jupyterhub",
    steps="Hub and proxy as usual, without hub_connect_port; sign in at http://HUB:8081/hub/login "
    "and open http://HUB:8081/user/NAME/ while the server runs.",
    expected="'Detected possible direct connection to Hub's private ip' in the hub's log "
    "(UserUrlHandler.get, its comment; jupyterhub#1217 shows it).",
    seen="Only the loop and 500. The request's port is compared with `hub.connect_port`, which is "
    "0 unless the deprecated hub_connect_port is set, and not with `_connect_port`.",
)
# Shortened: with the default limit of 4 the hub pauses for some 14 s.
@pytest.mark.matrix(LIMIT, [{"user_redirect_limit": 1}])
@pytest.mark.sabotage("hub.JupyterHub.hub_connect_ip", "127.0.0.1")
async def test_which_port_leads_to_servers(lab: LiveLab) -> None:
    """The same user, server and password at both ports."""
    await lab.spawn("alice", on="node1")
    password = lab.lab.secret("password")
    hub = f"http://{lab.lab.one('hub').service}:8081"
    for origin, status in ((str(lab.origin), 200), (hub, 500)):
        async with (
            await sign_in(lab.channel, origin, "alice", password) as visitor,
            visitor.session.get(visitor.server_url(), headers=NAVIGATE) as page,
        ):
            assert page.status == status
            assert ("Redirect loop detected" in await page.text()) == (status == 500)
    assert "Detected possible direct connection" not in hub_run(lab.lab).log
