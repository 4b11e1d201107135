"""The client's address: the proxy passes it on, hub and server log it, the proxy does not.

Why it matters: behind a proxy on another host every connection to the hub comes from the proxy.
Logs, rate limits and the anonymous XSRF identity need the client's own address, and whoever
looks for it in the proxy's log looks in vain.

Sources:
- configurable-http-proxy 5.3, bin/configurable-http-proxy: `xfwd` is on unless
  `--no-x-forward`; http-proxy-3, web-incoming.js, `XHeaders`: appends the peer's address to
  X-Forwarded-For.
- jupyterhub/app.py, `HTTPServer(..., xheaders=True)`, and jupyterhub/singleuser/extension.py,
  `trust_xheaders`: hub and server take the address from that header; tornado/httpserver.py,
  `_apply_xheaders`: the last address that is not a trusted proxy's, so that what a client puts
  there first does not count.
- configurable-http-proxy 5.3, lib/configproxy.js: `PROXY WEB path to target` (debug) and
  `status method path` (info) are all that it logs of a request.
"""

from __future__ import annotations

import pytest

from hublab.cases.matrix import Case
from hublab.probes.access_log import LoggedRequest, hub_accesses, server_accesses
from hublab.probes.waiting import until
from hublab.running.live import LiveLab

FORGED = "198.19.255.9"
"""An address that no host here has."""
NOT_FORWARDED = "proxy.no-x-forward"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.finding(
    "No log level makes the proxy tell from where a request came",
    project="configurable-http-proxy",
    steps="--log-level debug; a request from a third host.",
    expected="The client's address in the proxy's log: the proxy alone sees the connection, and "
    "`--no-x-forward` says that it knows the address ('Don't add X-Forward- headers').",
    seen="`PROXY WEB path to target` and `status method path`; no address at any level.",
)
@pytest.mark.finding(
    "Behind a proxy that adds no X-Forwarded-For, hub and servers believe the client's own",
    project="jupyterhub",
    steps="configurable-http-proxy --no-x-forward; a request with X-Forwarded-For: 198.19.255.9.",
    expected="The header counts when a trusted proxy wrote it (trusted_downstream_ips: 'Downstream "
    "proxy IP addresses to trust').",
    seen="Hub and server log 198.19.255.9 as the client, and so does what is derived from it: "
    "`xheaders` is always on, whoever the peer is.",
)
@pytest.mark.matrix("proxy.log-level", ["debug"])
@pytest.mark.matrix(NOT_FORWARDED, [False, True])
async def test_who_logs_the_client(lab: LiveLab, case: Case) -> None:
    """A visit as it is, and one that claims to come from elsewhere."""
    client, proxy = lab.lab.one("client"), lab.lab.one("proxy")
    server = await lab.spawn("alice", on="node1")
    visitor = await lab.sign_in("alice")
    await visitor.open_server()
    await visitor.api("GET", "contents")
    visitor.session.headers["X-Forwarded-For"] = FORGED
    await visitor.api("GET", "contents")

    # A proxy that adds nothing leaves a visitor the choice of any address.
    expected = [proxy.address, FORGED] if case[NOT_FORWARDED] else [client.address] * 2

    async def at_server() -> list[LoggedRequest]:
        seen = await server_accesses(lab, "alice", str(server.host))
        calls = [one for one in seen if one.path == "/user/alice/api/contents"]
        return calls if len(calls) == len(expected) else []

    async def at_hub() -> list[LoggedRequest]:
        return [one for one in await hub_accesses(lab) if one.path.startswith("/hub/login")]

    calls = await until(at_server, what="both calls in the server's log")
    assert [call.address for call in calls] == expected
    visits = await until(at_hub, what="the sign-in in the hub's log")
    assert {visit.address for visit in visits} == {expected[0]}

    log = lab.lab.engine.logs(proxy.id)
    assert "PROXY WEB /user/alice/api/contents to http" in log
    assert str(client.address) not in log
