"""Who opens the hub's own port goes round in circles, and the hub's log does not say why.

Why it matters: on one machine nobody meets the hub's port; on several it is open to the network,
and it is the first that a port scan, a health check or a hurried engineer tries. Everything
seems to work, the sign-in too, until one's server is opened.

Sources:
- jupyterhub/handlers/base.py, `UserUrlHandler.get`: "If people visit /user/:user_name directly on
  the Hub, the redirects will just loop, because the proxy is bypassed. Try to check for that and
  warn"; `_redirect_to_user_server`: `user_redirect_limit` (4), waits of 2, 4 and 8 s.
- jupyterhub/objects.py, `Server.connect_port`: 0 unless `hub_connect_port` is set;
  `_connect_port` falls back to `port`.
- jupyterhub#1217 shows the warning in the log of 0.7, jupyterhub#2081 a user's loop.

Shortened by `user_redirect_limit`; proxy_routes/test_lost_route.py has the default.
"""

from __future__ import annotations

import pytest
from yarl import URL

from hublab.scenario import NAVIGATE, LiveLab

pytestmark = pytest.mark.topology("lab")


@pytest.mark.matrix("hub.JupyterHub.tornado_settings", [{"user_redirect_limit": 2}])
@pytest.mark.sabotage("hub.JupyterHub.hub_connect_port", 8081)
@pytest.mark.issue(
    "jupyterhub#2081",
    "jupyterhub#1217",
    happens=True,
    workaround="open the proxy's port; keep the hub's from users",
)
@pytest.mark.finding(
    "The warning of a connection that bypasses the proxy is never logged",
    project="jupyterhub",
    steps="Start a server, open http://HUB:8081/hub/login, sign in there, open /user/NAME/.",
    expected="'Detected possible direct connection to Hub's private ip: …, bypassing proxy' in "
    "the hub's log (handlers/base.py, UserUrlHandler.get).",
    seen="Only 'Redirect loop detected on …'. The check compares the request's port with "
    "`hub.connect_port`, which is 0 unless the deprecated hub_connect_port is set; "
    "`hub._connect_port` would be the port.",
)
async def test_the_hubs_own_port_leads_in_circles(lab: LiveLab) -> None:
    """Redirect loop: alice signs in at port 8081 and opens her server, which runs, and gets 500."""
    await lab.spawn("alice", on="node1")
    async with await lab.sign_in("alice", at="http://hub:8081/") as visitor:
        url = visitor.server_url()
        async with visitor.session.get(url, headers=NAVIGATE) as answer:
            assert answer.status == 500
            assert "Redirect loop detected." in await answer.text()
            paths = [step.url.path for step in answer.history]
            places = {step.url.origin() for step in answer.history}
    assert places == {URL("http://hub:8081")}
    assert paths == ["/user/alice/", "/hub/user/alice/"] * 2 + ["/user/alice/"]

    log = await lab.hub_log()
    assert "Redirect loop detected on /hub/user/alice/" in log
    assert "bypassing proxy" not in log
