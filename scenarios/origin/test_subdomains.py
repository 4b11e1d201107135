"""With a subdomain for each user a server's page is another origin than the hub, gets none of the
hub's cookies, and reads nothing there; the session's id alone goes everywhere.

Why it matters: without it all users' servers and the hub are one origin, so that a page of any
server may act at the hub as whoever looks at it. Subdomains are the answer, and need names, a
route for each host, and cookies that go where they should.

Sources:
- JupyterHub documentation, `subdomain_host`: "Run single-user servers on subdomains of this host.
  Provides additional cross-site protections for javascript served by single-user servers. Requires
  <username>.hub.domain.tld to resolve to the same host as hub.domain.tld"; the proxy's option
  `--host-routing`.
- jupyterhub/handlers/base.py, `set_session_cookie`: "if using subdomains, set session cookie on the
  domain, which allows it to be shared by subdomains"; `_set_user_cookie`: no domain.
- jupyterhub/services/auth.py, `HubOAuth.set_cookie`: no domain, path of the server.
- jupyterhub/handlers/base.py, `set_default_headers`: no Access-Control-Allow-Origin by default.
"""

from __future__ import annotations

import pytest
from yarl import URL

from hublab.scenario import NAVIGATE, SAME_ORIGIN, LiveLab, Visitor

HUB, ALICE, BOB = (URL(f"http://{name}hub.lab:8000") for name in ("", "alice.", "bob."))

pytestmark = [
    pytest.mark.topology("lab", "dns"),
    pytest.mark.matrix("hub.JupyterHub.subdomain_host", [str(HUB)]),
    pytest.mark.matrix("proxy.host-routing", [True]),
    pytest.mark.sabotage("hub.JupyterHub.subdomain_host", ""),
]


def cookies_for(visitor: Visitor, url: URL) -> set[str]:
    """The names of the cookies that a browser sends to an address."""
    return set(visitor.session.cookie_jar.filter_cookies(url))


async def test_a_server_on_a_subdomain_gets_only_the_session_id(lab: LiveLab) -> None:
    """Sign in at the hub, open the server, and look at what goes where."""
    await lab.spawn("alice")
    visitor = await lab.enter(await lab.sign_in("alice", at=str(HUB)))
    page = await visitor.session.get(HUB / "user/alice/lab", headers=NAVIGATE)
    assert (page.status, page.url.origin()) == (200, ALICE)

    session, xsrf = "jupyterhub-session-id", "_xsrf"
    assert cookies_for(visitor, HUB / "hub/home") == {session, xsrf, "jupyterhub-hub-login"}
    server = ALICE / "user/alice/lab"
    assert cookies_for(visitor, server) == {session, xsrf, "jupyterhub-user-alice"}
    assert cookies_for(visitor, BOB / "user/bob/lab") == {session}
    # nor by the path: the hub's cookies are for /hub/, and a server's host has that path too
    for elsewhere in (ALICE, BOB):
        assert cookies_for(visitor, elsewhere / "hub/home") == {session}

    # The server's page asks the hub: a browser sends the hub's cookies along, for it is the same
    # site, and shows the page nothing of the answer, nor is there an XSRF token to write with.
    foreign = {"Origin": str(ALICE), "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site"}
    asked = await visitor.session.get(HUB / "hub/api/user", headers=foreign)
    assert (asked.status, "Access-Control-Allow-Origin" in asked.headers) == (403, False)
    # Its own server answers it.
    own = await visitor.session.get(
        ALICE / "user/alice/api/contents",
        headers={**visitor.xsrf(server), **SAME_ORIGIN, "Origin": str(ALICE)},
    )
    assert own.status == 200
