"""The client's address: the proxy passes it on, hub and server log it, the proxy does not.

Why it matters: behind a proxy on another host every connection to the hub comes from the proxy.
Logs, rate limits and the anonymous XSRF identity need the client's own address, and whoever
looks for it in the proxy's log looks in vain.

Not tried here: what a visitor may claim where the proxy adds nothing. Hub and servers (jupyterhub
6.1.1) read these headers whoever the peer is, so leave `--no-x-forward` to proxies behind one that
sets them itself.

Sources:
- configurable-http-proxy 5.3, bin/configurable-http-proxy: `xfwd` is on unless
  `--no-x-forward`; http-proxy-3, web-incoming.js, `XHeaders`: appends the peer's address to
  X-Forwarded-For.
- jupyterhub/app.py, `HTTPServer(..., xheaders=True)`, and jupyterhub/singleuser/extension.py,
  `trust_xheaders`: hub and server take the address from that header; tornado/httpserver.py,
  `_apply_xheaders`: the last address that is not a trusted proxy's, so that what a client puts
  there first does not count.
- configurable-http-proxy 5.3, lib/configproxy.js: `PROXY WEB path to target` (debug) is all that it
  logs of a request that it passes on; `status method path` (info) is for its API.
"""

from __future__ import annotations

import pytest

from hublab.scenario import (
    NAVIGATE,
    Case,
    LiveLab,
    LoggedRequest,
    Visitor,
    hub_accesses,
    server_accesses,
    until,
)

CLAIMED = "198.19.255.9"
"""An address that no host here has."""
LEVEL = "proxy.log-level"
STARTS = ": Proxying http"
"""In what a proxy logs first (configurable-http-proxy 5.3, bin/configurable-http-proxy)."""
NOT_FORWARDED = "proxy.no-x-forward"

pytestmark = pytest.mark.topology("lab")


async def both(visitor: Visitor) -> None:
    """A call of the user's server, and a page of the hub."""
    await visitor.api("GET", "contents")
    async with visitor.session.get(visitor.origin / "hub/token", headers=NAVIGATE) as page:
        assert page.status == 200


@pytest.mark.finding(
    "No log level makes the proxy tell from where a request came",
    project="configurable-http-proxy",
    steps="--log-level debug; a request from a third host.",
    expected="The client's address in the proxy's log: the proxy alone sees the connection, and "
    "`--no-x-forward` says that it knows the address ('Don't add X-Forward- headers').",
    seen="Of a request that it passes on nothing at info, `PROXY WEB path to target` at debug; no "
    "address at either.",
)
@pytest.mark.matrix(LEVEL, ["info", "debug"])
@pytest.mark.matrix(NOT_FORWARDED, [False, True])
@pytest.mark.sabotage(
    "server.snippet", "../changes/server_believes_its_peer.py", sentence="hub and server log it"
)
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/hub_believes_the_first_address.py",
    sentence="one that claims to come from elsewhere",
)
async def test_hub_and_server_log_the_clients_address(lab: LiveLab, case: Case) -> None:
    """A visit as it is, and one that claims to come from elsewhere, which the proxy corrects."""
    client, proxy = lab.one("client"), lab.one("proxy")
    server = await lab.spawn("alice", on="node1")
    visitor = await lab.sign_in("alice")
    await visitor.open_server()
    await both(visitor)
    expected = [proxy.address if case[NOT_FORWARDED] else client.address]
    if not case[NOT_FORWARDED]:
        visitor.session.headers["X-Forwarded-For"] = CLAIMED
        await both(visitor)
        expected *= 2

    async def at_server() -> list[LoggedRequest]:
        seen = await server_accesses(lab, "alice", str(server.host))
        calls = [one for one in seen if one.path == "/user/alice/api/contents"]
        return calls if len(calls) == len(expected) else []

    async def at_hub() -> list[LoggedRequest]:
        calls = [one for one in await hub_accesses(lab) if one.path == "/hub/token"]
        return calls if len(calls) == len(expected) else []

    calls = await until(at_server, what="the calls in the server's log")
    assert [call.address for call in calls] == expected
    visits = await until(at_hub, what="the visits in the hub's log")
    assert [visit.address for visit in visits] == expected
    signed_in = [one for one in await hub_accesses(lab) if one.path.startswith("/hub/login")]
    assert {one.address for one in signed_in} == {expected[0]}

    # of the proxy that runs now: the one before may have had another level
    log = (await lab.logs(proxy.service)).rpartition(STARTS)[2]
    # `status method path` is for requests to its API alone.
    assert "200 GET /api/routes" in log
    assert "GET /user/alice" not in log
    assert ("PROXY WEB /user/alice/api/contents to http" in log) == (case[LEVEL] == "debug")
    assert str(client.address) not in log
