"""What each line of a reverse proxy in front is for: the port of Host for the servers' API, Upgrade
for WebSockets, X-Scheme for Secure cookies; the hub's API needs none of them.

Why it matters: the proxy in front is somebody else's host, on another port than the browser's, and
ends TLS. A line that is missing there breaks one kind of request and leaves the others alone, so
that sign-in and pages work and kernels or saving do not.

Sources:
- JupyterHub documentation, "Using a reverse proxy"; jupyterhub#1457: `$host` loses the port, where
  `$http_host` keeps it.
- jupyter_server/base/handlers.py, `check_origin`: Origin must be Host with its port, or 404;
  tornado 6.6, web.py, `_check_cross_origin`: a WebSocket is not asked for that where the browser
  says `Sec-Fetch-Site: same-origin`, which it does on https.
- jupyterhub/apihandlers/base.py, `check_referer`: the hub's check is gone since 3.2.
- tornado/websocket.py, `WebSocketHandler.get`: 400 'Can "Upgrade" only to "WebSocket"'.
- tornado/httpserver.py, `_apply_xheaders`: X-Scheme, else the last of X-Forwarded-Proto, which the
  proxy behind nginx appends; jupyterhub/utils.py, `get_browser_protocol`: the first of them.

The browser's address is nginx on port 8080, as where a container's port 80 is published there.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hublab.scenario import (
    Ask,
    Case,
    Credentials,
    LiveLab,
    ask,
    changed_site,
    credentials,
    sign_in_cookies,
)

PUBLIC = "hub.JupyterHub.public_url"
OUTSIDE = "nginx:8080"
PAGE = (("Host", OUTSIDE), ("Origin", f"http://{OUTSIDE}"))
HANDSHAKE = (
    *PAGE,
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "aHVibGFiLWh1YmxhYi0xMg=="),
)
ON_HTTPS = (("Sec-Fetch-Mode", "websocket"), ("Sec-Fetch-Site", "same-origin"))
JSON = ("Content-Type", "application/json")

HOST = ("proxy_set_header Host $http_host;", "proxy_set_header Host $host;")
UPGRADE = (
    ("proxy_set_header Upgrade $http_upgrade;", ""),
    ("proxy_set_header Connection $connection_upgrade;", ""),
)
TLS = ("proxy_set_header X-Forwarded-Proto $scheme;", "proxy_set_header X-Forwarded-Proto https;")
SCHEME = ("proxy_set_header X-Scheme $scheme;", "proxy_set_header X-Scheme https;")
NO_SCHEME = ("proxy_set_header X-Scheme $scheme;", "")

pytestmark = pytest.mark.topology("lab", "nginx")


@dataclass(frozen=True, slots=True)
class Works:
    """The statuses that a page at the outer address gets."""

    hub: int = 200
    api: int = 200
    socket: int = 101
    socket_on_https: int = 101


EXPECTED: tuple[tuple[tuple[tuple[str, str], ...], Works], ...] = (
    ((), Works()),
    ((HOST,), Works(api=404, socket=403)),
    (UPGRADE, Works(socket=400, socket_on_https=400)),
)
"""What stands otherwise in nginx's site, and what then works."""


async def works(lab: LiveLab, who: Credentials) -> Works:
    """Write an activity on the hub, list files on the server, open its socket, twice."""
    activity = b'{"last_activity": "2020-01-01T00:00:00Z"}'
    path = "/hub/api/users/alice/activity"
    socket = "/user/alice/api/events/subscribe"
    asked = (
        Ask(path, "POST", (*PAGE, JSON), activity, xsrf=True),
        Ask("/user/alice/api/contents", headers=PAGE, xsrf=True),
        Ask(socket, headers=HANDSHAKE),
        Ask(socket, headers=(*HANDSHAKE, *ON_HTTPS)),
    )
    return Works(*[(await ask(lab, one, who)).status for one in asked])


@pytest.mark.sabotage("server.ServerApp.allow_origin", "*")
@pytest.mark.issue("jupyterhub#1457", happens=False, workaround="none needed for the hub since 3.2")
@pytest.mark.issue("jupyterhub#1074", happens=True, workaround="Upgrade and Connection passed on")
async def test_servers_need_the_port_of_host_and_upgrade(lab: LiveLab) -> None:
    """As it should be, with the port lost, without Upgrade: the hub never notices, and stops a
    server from its page at an address whose port is lost.
    """
    await lab.spawn("alice")
    async with credentials(lab, "alice", server="") as who:
        seen = []
        for changes, _ in EXPECTED:
            async with changed_site(lab, *changes):
                seen.append(await works(lab, who))
        assert seen == [works for _, works in EXPECTED]
        home = (*PAGE, ("Referer", f"http://{OUTSIDE}/hub/home"))
        async with changed_site(lab, HOST):
            stop = Ask("/hub/api/users/alice/server", "DELETE", home, xsrf=True)
            assert (await ask(lab, stop, who)).status in (202, 204)


@pytest.mark.matrix(PUBLIC, ["", "https://www.hub.lab/"])
async def test_each_forwarded_header_makes_other_cookies_secure(lab: LiveLab, case: Case) -> None:
    """Whose login cookies are Secure: with X-Scheme both, with X-Forwarded-Proto the server's."""
    await lab.spawn("alice")
    seen = {}
    for name, changes in {"X-Scheme": (TLS, SCHEME), "none": (TLS, NO_SCHEME)}.items():
        async with changed_site(lab, *changes):
            cookies = {one.name: one.secure for one in await sign_in_cookies(lab, "alice")}
        seen[name] = (cookies["jupyterhub-hub-login"], cookies["jupyterhub-user-alice"])
    assert seen == {"X-Scheme": (True, True), "none": (bool(case[PUBLIC]), True)}
