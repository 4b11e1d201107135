"""`base_url` and `public_url`: a prefix that every host must know, a name that none needs.

Why it matters: the prefix stands in what proxy, servers and error pages are told, each set on its
own host. The public address stands in what servers on the nodes send browsers to, and neither hub
nor node ever tries it, so a wrong one breaks sign-in at servers alone.

Sources:
- JupyterHub documentation, `JupyterHub.base_url`; `JupyterHub.public_url`: "Should include the
  full, public URL of JupyterHub, including the public-facing base_url prefix".
- jupyterhub/app.py, `init_hub`: its host is JUPYTERHUB_HOST for servers (jupyterhub/spawner.py,
  `get_env`); `_validate_public_url`: what it ends with must be base_url.
- jupyterhub/services/auth.py, `oauth_authorization_url`: with that host a server redirects there.
- configurable-http-proxy 5.3, lib/configproxy.js, `handleProxyError`: status of its own, body of
  what `--error-target` answers; jupyterhub/handlers/base.py, `PrefixRedirectHandler`: a hub below a
  prefix answers paths outside of it with an empty redirect.
"""

from __future__ import annotations

import pytest
from yarl import URL

from hublab.scenario import Case, LiveLab, api_url_of_server, diagnose, proxy_routes, reach

BASE = "hub.JupyterHub.base_url"
PUBLIC = "hub.JupyterHub.public_url"
ELSEWHERE, ANOTHER_PATH = "http://hub.elsewhere.lab/", "http://hub.lab:8000/another/"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.matrix(BASE, ["/jh/"])
@pytest.mark.sabotage(BASE, "/")
async def test_all_but_the_proxys_error_pages_have_the_prefix(lab: LiveLab) -> None:
    """Route, server and API have it; the proxy's error pages, set on its own host, do not."""
    server = await lab.spawn("alice", on="node1")
    assert {route.spec for route in await proxy_routes(lab)} == {"/jh", "/jh/user/alice"}
    assert await api_url_of_server(lab, server) == "http://hub:8081/jh/hub/api"
    visitor = await lab.sign_in("alice")
    await visitor.open_server()
    async with visitor.session.get(lab.origin / "hub/login") as page:
        assert (page.status, await page.text()) == (404, "")
    assert [hop for hop in diagnose(await reach(lab)) if not hop.ok] == []


@pytest.mark.finding(
    "A public_url with another path than base_url is accepted, and its path dropped",
    project="jupyterhub",
    steps="base_url = '/' (the default), public_url = 'http://hub.lab:8000/another/'.",
    expected="ValueError '… must include base_url' at the start: 'path specified but it doesn't "
    "match, raise' (comment in _validate_public_url).",
    seen="The hub starts, for every URL ends with '/'; servers redirect to http://hub.lab:8000/hub/…",
)
@pytest.mark.matrix(PUBLIC, ["", ELSEWHERE, ANOTHER_PATH])
async def test_a_server_sends_browsers_to_public_url(lab: LiveLab, case: Case) -> None:
    """A server sends browsers to that host, whether or not anybody knows the name."""
    await lab.spawn("alice", on="node1")
    async with lab.channel.session() as session:
        url = lab.origin / "user/alice/lab"
        async with session.get(url, allow_redirects=False) as answer:
            assert answer.status == 302
            place = URL(answer.headers["Location"])
    assert place.path == "/hub/api/oauth2/authorize"
    told = URL(str(case[PUBLIC]))
    assert (place.scheme, place.host, place.port) == (told.scheme, told.host, told.port)
    assert [hop for hop in diagnose(await reach(lab)) if not hop.ok] == []
