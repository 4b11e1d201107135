"""Another proxy takes over: the hub is told where it is, by names that the documentation lacks.

Why it matters: a proxy on its own host is replaced by another, with the users' DNS name or the
load balancer pointing there. The hub can be told without a restart; who follows the documented
names gets 200, and the hub goes on filling the table of the old one.

Sources:
- JupyterHub documentation, REST API (rest-api.yml), `PATCH /proxy`: "Notifies the Hub of a new
  proxy to use", with `ip`, `port`, `protocol`, `auth_token`.
- jupyterhub/apihandlers/proxy.py, `ProxyAPIHandler.patch`: `api_url` and `auth_token` alone, and
  then `check_routes`.
- jupyterhub/handlers/base.py, `PrefixRedirectHandler`: the hub leads what reaches it without a
  server's route to its own address, 302.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from hublab.scenario import LiveLab, Undecided, drop_route, look, proxy_routes, until

PORT, API_PORT = 9000, 9001
START = (
    "s6-envdir /etc/hublab/env s6-setuidgid nobody "
    "/opt/chp/node_modules/.bin/configurable-http-proxy --ip 0.0.0.0 --port $1 "
    "--api-ip 0.0.0.0 --api-port $2 >/dev/null 2>&1 & echo $!"
)

pytestmark = pytest.mark.topology("lab")


@contextlib.asynccontextmanager
async def second_proxy(lab: LiveLab) -> AsyncIterator[URL]:
    """One more on the proxy's host, with the same token and an empty table; its public URL."""
    host = lab.one("proxy").service
    pid = (await lab.run(host, "sh", "-c", START, "-", str(PORT), str(API_PORT))).strip()
    url = URL.build(scheme="http", host=host, port=PORT)

    async def answers() -> bool:
        try:
            return (await look(lab, url / "_chp_healthz")).status == 200
        except Undecided:
            return False

    try:
        await until(answers, what="the second proxy")
        yield url
    finally:
        await lab.run(host, "sh", "-c", 'kill "$1"', "-", pid)


async def paths(lab: LiveLab) -> set[str]:
    """The paths that the first proxy has a route for."""
    return {route.spec for route in await proxy_routes(lab)}


@pytest.mark.sabotage("hub.snippet", "../changes/proxy_by_documented_names.py")
@pytest.mark.finding(
    "PATCH /proxy ignores ip, port and protocol, which the REST API documents",
    project="jupyterhub",
    steps='PATCH /hub/api/proxy {"ip": "HOST", "port": "9001", "protocol": "http"} with a second '
    'proxy there; then PATCH /hub/api/proxy {"api_url": "http://HOST:9001"}.',
    expected="The hub uses the proxy at HOST:9001 after the first (rest-api.yml, patch-proxy).",
    seen="200, and nothing changes: apihandlers/proxy.py knows `api_url` and `auth_token` alone. "
    "The second does it.",
)
async def test_the_hub_obeys_an_undocumented_name(lab: LiveLab) -> None:
    """By the documented names first, by the one that is obeyed then."""
    hub = await lab.hub()
    async with second_proxy(lab) as new:
        documented = {"ip": new.host, "port": str(API_PORT), "protocol": "http"}
        assert (await hub.request("PATCH", "proxy", json=documented))[0] == 200
        assert (await look(lab, new / "hub/health")).status == 404
        await lab.spawn("alice")
        assert await paths(lab) == {"/", "/user/alice"}
        assert (await look(lab, new / "user/alice/api")).status == 404

        obeyed = {"api_url": f"http://{new.host}:{API_PORT}"}
        assert (await hub.request("PATCH", "proxy", json=obeyed))[0] == 200
        assert (await look(lab, new / "hub/health")).status == 200
        assert (await look(lab, new / "user/alice/api")).status == 200

        # The old one keeps what it had, and is not looked after any more.
        await drop_route(lab, "/")
        await hub.check_routes()
        assert await paths(lab) == {"/user/alice"}
        assert (await look(lab, lab.origin / "hub/health")).status == 404
        await lab.stop("alice")  # while the hub has a proxy that answers
        assert await paths(lab) == {"/user/alice"}
        assert (await look(lab, new / "user/alice/api")).status == 302
